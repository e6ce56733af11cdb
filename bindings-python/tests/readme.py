"""Runs the examples of the README and compares what they print. Needs nothing but the package.

python readme.py             every example whose imports are installed
python readme.py --all       every example
python readme.py --write F   the examples as modules in the folder F, for a type checker
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
OPTIONAL = re.compile(r"^(?:from|import) (?:numpy|pydantic)\b", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    """Each example with what it prints."""
    return EXAMPLE.findall(README.read_text(encoding="utf-8"))


def main() -> int:
    """Compare all; the exit code is the number of examples that print something else."""
    if "--write" in sys.argv:
        folder = Path(sys.argv[-1])
        folder.mkdir(parents=True, exist_ok=True)
        for number, (code, _) in enumerate(examples()):
            (folder / f"readme_{number}.py").write_text(code, encoding="utf-8")
        return 0
    wrong = 0
    chosen = [pair for pair in examples() if "--all" in sys.argv or not OPTIONAL.search(pair[0])]
    if not chosen:
        sys.exit("the README has no examples")
    for code, expected in chosen:
        run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
        if run.stdout != expected or run.stderr:
            sys.stderr.write(f"{code}\nprints\n{run.stdout}{run.stderr}\nand the README says\n{expected}\n")
            wrong += 1
    sys.stdout.write(f"{len(chosen) - wrong} of {len(chosen)} examples print what the README says\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
