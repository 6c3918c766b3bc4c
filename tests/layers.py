"""Checks the include lines below src/: each names its layer, none points up
or sideways. base < wire < {model, io} < app. Speaks TAP."""
import pathlib
import re
import sys

BELOW = {
    "base": {"base"},
    "wire": {"base", "wire"},
    "model": {"base", "wire", "model"},
    "io": {"base", "wire", "io"},
    "app": {"base", "wire", "model", "io", "app"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"', re.MULTILINE)
src = pathlib.Path(sys.argv[1])
files = sorted(src.rglob("*.[ch]"))
failed = 0
print(f"1..{len(files)}")
for number, path in enumerate(files, 1):
    layer = path.relative_to(src).parts[0]
    wrong = [name for name in INCLUDE.findall(path.read_text())
             if name.partition("/")[0] not in BELOW.get(layer, ())
             or not (src / name).is_file()]
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {number} - {path.relative_to(src)}")
    for name in wrong:
        print(f'# {path}: must not include "{name}"')
sys.exit(failed > 0)
