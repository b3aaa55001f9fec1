#!/usr/bin/env python3
"""Prints a header without what is for nobody but the library, for Doxygen: namespaces `detail`, specialisations of
others' templates, and the macros of Boost.Describe. Lines keep their numbers.

Doxygen's own ways to leave these out still parse them, and 1.9.4 fails at some.
"""

import re
import sys
from pathlib import Path

DETAIL = r"namespace (?:antiphon::)?detail(?:::\w+)?"
LEFT_OUT = [
    rf"^{DETAIL} \{{\n(?:[^\n]*;\n)*\}}[^\n]*\n",  # nothing but declarations
    rf"^{DETAIL} \{{\n.*?^\}}  // {DETAIL}\n",
    r"^template <>\n(?:struct|class) (?:boost|std)::.*?\};?\n",
    r"^BOOST_DESCRIBE_\w+\(.*?\)\n(?=[^\n]*\n)",
]


def main():
    text = Path(sys.argv[1]).read_text()
    if sys.argv[1].endswith(".hpp"):
        for pattern in LEFT_OUT:
            text = re.sub(pattern, lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
