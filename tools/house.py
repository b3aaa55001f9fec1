"""The library's own folders, which coverage, clang-tidy and mutants are about."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("streaming", "transport", "lib")
