"""What the installer places beside the program, as components for seatsync.wxs: files.py OUT

Sources are named from the top of the repository. A component's GUID is made of its path within the program's directory, so that it
is the same in every version.
"""

import sys
import uuid
from pathlib import Path
from xml.sax.saxutils import quoteattr

ROOT = Path(__file__).resolve().parent.parent.parent
NAMESPACE = uuid.UUID("8a52f6a2-5a0b-4b0c-9c53-0b6c7a3d7e11")
# Source, and where it goes. The tree is that of the repository where pages link to each other.
FILES = {
    "": ["LICENSE", "README.md", "CHANGELOG.md", "target/windows/seatsync.cdx.json"],
    "docs": sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")),
    "completions": ["packaging/completions/seatsync.ps1"],
    "prometheus": sorted(str(file.relative_to(ROOT)) for file in (ROOT / "packaging/prometheus").iterdir()),
    "grafana": sorted(str(file.relative_to(ROOT)) for file in (ROOT / "packaging/grafana").iterdir()),
}
# What Windows opens by its end.
NAMES = {"LICENSE": "LICENSE.txt"}


def component(directory, source):
    name = NAMES.get(source, Path(source).name)
    guid = str(uuid.uuid5(NAMESPACE, f"{directory}/{name}")).upper()
    word = f"F{guid.replace('-', '')}"
    return word, [
        f'<Component Id="{word}" Guid="{guid}" Win64="yes">',
        f'<File Id="{word}" Name={quoteattr(name)} Source={quoteattr(source)} KeyPath="yes" />',
        "</Component>",
    ]


def main(out):
    lines, words = ["<Include>", "<Fragment>", '<DirectoryRef Id="INSTALLDIR">'], []
    for directory, sources in FILES.items():
        if directory:
            lines.append(f'<Directory Id="{directory.upper()}DIR" Name="{directory}">')
        for source in sources:
            word, text = component(directory, source)
            words.append(word)
            lines += text
        if directory:
            lines.append("</Directory>")
    lines += ["</DirectoryRef>", '<ComponentGroup Id="Files">', *(f'<ComponentRef Id="{word}" />' for word in words), "</ComponentGroup>"]
    Path(out).write_text("\n".join([*lines, "</Fragment>", "</Include>"]) + "\n")


main(*sys.argv[1:])
