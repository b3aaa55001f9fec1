#!/bin/sh
# The compiler of the mutants' build. The tree as it is comes out of the cache that other builds have filled; a
# mutant is compiled once, in whatever way is quickest.
if [ -n "$ANTIPHON_MUTANT" ]; then
  exec g++ "$@" -O0 -g0 -w -D_GLIBCXX_ASSERTIONS
elif command -v ccache >/dev/null; then
  exec ccache g++ "$@"
fi
exec g++ "$@"
