"""The software bill of materials of the packages: CycloneDX 1.5, from what cargo resolves and locks.

    sbom.py OUT [TARGET]

Of the program as it is shipped: for Linux, or for the target that is named, with the feature gssapi. What only builds it (build
scripts, macros) is not in the binary and stands there as excluded. The C code that is compiled in with a crate is named beside it.
"""

import json
import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINUX = "x86_64-unknown-linux-gnu"


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--features=gssapi", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def tree(edges, target):
    """Names and versions of what a build really uses: `cargo metadata` unites the features of tests with those of the program."""
    command = ["cargo", "tree", "--locked", f"--edges={edges}", "--features=gssapi", f"--target={target}", "--prefix=none"]
    lines = subprocess.run(command + ["--format={p}"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {tuple(line.replace(" v", " ", 1).split()[:2]) for line in lines.splitlines() if line}


def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(p["name"], p["version"]): p["checksum"] for p in lock["package"] if "checksum" in p}


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def reached(nodes, packages, root):
    """What is compiled in, and what is needed to build that, each with what it uses for that end."""
    shipped, building = {}, {}
    todo = [(root, True)]
    while todo:
        node, ships = todo.pop()
        ships = ships and not is_macro(packages[node])
        seen = shipped if ships else building
        if node in seen:
            continue
        uses = []
        for dep in nodes[node]["deps"]:
            kinds = {kind["kind"] for kind in dep["dep_kinds"]}
            if None in kinds:
                uses.append(dep["pkg"])
                todo.append((dep["pkg"], ships))
            elif "build" in kinds:
                todo.append((dep["pkg"], False))
        seen[node] = uses
    return shipped, {node: uses for node, uses in building.items() if node not in shipped}


def component(package, sums, scope):
    made = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
        "scope": scope,
    }
    if package["license"]:
        # Before SPDX, crates wrote a slash for OR.
        made["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def bundled(package):
    """SQLite, which is compiled in."""
    header = Path(package["manifest_path"]).parent / "sqlite3" / "sqlite3.h"
    version = re.search(r'#define SQLITE_VERSION\s+"([0-9.]+)"', header.read_text(errors="replace")).group(1)
    return {
        "type": "library",
        "bom-ref": f"pkg:generic/sqlite@{version}",
        "name": "sqlite",
        "version": version,
        "purl": f"pkg:generic/sqlite@{version}",
        "cpe": f"cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*",
        "scope": "required",
        "licenses": [{"expression": "blessing"}],
    }


def main(out, target=LINUX):
    told = metadata(target)
    packages = {package["id"]: package for package in told["packages"]}
    nodes = {node["id"]: node for node in told["resolve"]["nodes"]}
    root, sums = told["resolve"]["root"], checksums()
    shipped, building = reached(nodes, packages, root)
    used = {"shipped": tree("normal,no-proc-macro", target), "building": tree("normal,build", target)}

    def only(found, what):
        return {node: uses for node, uses in found.items() if (packages[node]["name"], packages[node]["version"]) in used[what]}

    shipped, building = only(shipped, "shipped"), only(building, "building")
    own, known = packages[root], {*shipped, *building}
    components = [component(packages[node], sums, "required") for node in shipped if node != root]
    components += [component(packages[node], sums, "excluded") for node in building]
    dependencies = {
        purl(packages[node]): sorted(purl(packages[use]) for use in uses if use in known)
        for node, uses in {**building, **shipped}.items()
    }
    for node in shipped:
        if packages[node]["name"] == "libsqlite3-sys":
            sqlite = bundled(packages[node])
            components.append(sqlite)
            dependencies[purl(packages[node])].append(sqlite["bom-ref"])
            dependencies[sqlite["bom-ref"]] = []
    digest = (ROOT / "Cargo.lock").read_text()
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # The same for the same lock file and target.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, purl(own) + target + digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl(own),
                "name": own["name"],
                "version": own["version"],
                "purl": purl(own),
                "licenses": [{"expression": own["license"]}],
            }
        },
        "components": sorted(components, key=lambda made: made["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": uses} for ref, uses in sorted(dependencies.items())],
    }
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps(bom, indent=1) + "\n")
    print(f"{out}: {len(shipped) - 1} crates in the program, {len(building)} that only build it")


main(*sys.argv[1:])
