#!/usr/bin/env python3
"""scratch_root.py ROOT PACKAGE.deb...: a small Debian in the empty directory ROOT, without network.

It has copies of the essential packages of this machine, and of the packages that the given ones
depend on, and a package database that knows only these: dpkg can install the given packages in it
if what they depend on is complete. Documentation and translations are left out. It is as after the
packages have been unpacked: no script of theirs is run."""

import os
import re
import shutil
import subprocess
import sys

DATABASE = "var/lib/dpkg"
LEFT_OUT = re.compile(r"/usr/share/(doc|man|info|locale|i18n|zoneinfo|lintian|bash-completion)/")


def paragraphs(text):
    """The paragraphs of a control file: the text, and its fields in lower case."""
    for paragraph in re.split(r"\n\n+", text.strip()):
        fields = re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
        yield paragraph, {name.lower(): value for name, value in fields}


def dependencies(fields):
    """Lists of names, one of which is needed."""
    for wanted in f"{fields.get('pre-depends', '')},{fields.get('depends', '')}".split(","):
        names = [re.split(r"[\s(:]", one.strip())[0] for one in wanted.split("|")]
        if names[0]:
            yield names


def installed_packages():
    """Name → (paragraph, fields), of this machine; and name → the names that provide it."""
    with open(f"/{DATABASE}/status", encoding="utf-8") as file:
        text = file.read()
    packages, providers = {}, {}
    for paragraph, fields in paragraphs(text):
        if fields["status"] != "install ok installed":
            continue
        packages[fields["package"]] = paragraph, fields
        for provided in fields.get("provides", "").split(","):
            name = re.split(r"[\s(]", provided.strip())[0]
            providers.setdefault(name, []).append(fields["package"])
    return packages, providers


def closure(given):
    """The names of the packages that the root consists of."""
    packages, providers = installed_packages()
    own = {fields["package"] for fields in given}
    chosen, wanted = set(), list(given)
    wanted += [fields for _, fields in packages.values() if fields.get("essential") == "yes"]
    chosen.update(fields["package"] for fields in wanted if fields["package"] not in own)
    while wanted:
        for names in dependencies(wanted.pop()):
            if chosen & set(names) or own & set(names):
                continue
            found = [real for name in names for real in [name, *providers.get(name, [])]
                     if real in packages]
            if not found:
                sys.exit(f"scratch_root: this machine has none of {names}")
            if found[0] not in chosen:
                chosen.add(found[0])
                wanted.append(packages[found[0]][1])
    return sorted(chosen), packages


def files_of(name, fields):
    """The files in dpkg's database that are about a package."""
    information = f"/{DATABASE}/info"
    qualified = f"{name}:{fields['architecture']}"
    prefix = qualified if os.path.exists(f"{information}/{qualified}.list") else name
    return [entry.path for entry in os.scandir(information)
            if entry.name.rpartition(".")[0] == prefix]


def copy(root, path):
    """Copies a file, a link, or a directory without its content. One above it may be a link."""
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    to = root + real
    if os.path.lexists(to):
        return
    os.makedirs(os.path.dirname(to), exist_ok=True)
    if os.path.isdir(path) and not os.path.islink(path):
        os.mkdir(to)
        shutil.copystat(path, to)
    elif os.path.lexists(path):
        shutil.copy2(path, to, follow_symlinks=False)
    else:
        return  # somebody has removed it
    about = os.lstat(path)
    os.chown(to, about.st_uid, about.st_gid, follow_symlinks=False)
    if not os.path.islink(to):
        os.chmod(to, about.st_mode & 0o7777)


def copy_triggers(root, names):
    """Who wants to know of which files (File), and of which other triggers (a file for each)."""
    directory = f"{DATABASE}/triggers"
    for trigger in os.scandir(f"/{directory}"):
        if trigger.name in ("Unincorp", "Lock"):
            continue
        with open(trigger.path, encoding="utf-8") as file:
            lines = [line for line in file
                     if re.split(r"[:/]", line.split()[-1])[0] in names]
        if lines:
            with open(f"{root}/{directory}/{trigger.name}", "w", encoding="utf-8") as file:
                file.writelines(lines)


def main(root, debs):
    given = []
    for deb in debs:
        text = subprocess.run(["dpkg-deb", "--field", deb], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        given.append(next(paragraphs(text))[1])
    names, packages = closure(given)

    for directory in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{directory}"):
            os.symlink(f"usr/{directory}", f"{root}/{directory}")
            os.makedirs(f"{root}/usr/{directory}", exist_ok=True)
    for directory in ("info", "updates", "triggers", "alternatives", "parts"):
        os.makedirs(f"{root}/{DATABASE}/{directory}")
    for name in names:
        for path in files_of(name, packages[name][1]):
            shutil.copy2(path, f"{root}/{DATABASE}/info/")
            if path.endswith(".list"):
                with open(path, encoding="utf-8") as file:
                    for line in file.read().splitlines():
                        if line != "/." and not LEFT_OUT.match(line):
                            copy(root, line)
    copy_triggers(root, names)
    for name in ("arch", "diversions"):
        if os.path.exists(f"/{DATABASE}/{name}"):
            shutil.copy2(f"/{DATABASE}/{name}", f"{root}/{DATABASE}/{name}")
    with open(f"{root}/{DATABASE}/status", "w", encoding="utf-8") as file:
        file.writelines(packages[name][0] + "\n\n" for name in names)

    # What scripts of packages would have made.
    os.makedirs(f"{root}/etc", exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{name}.master", f"{root}/etc/{name}")
    for directory in ("dev", "proc", "sys", "run", "tmp", "var/log", "var/tmp"):
        os.makedirs(f"{root}/{directory}", exist_ok=True)
    os.chmod(f"{root}/tmp", 0o1777)
    subprocess.run(["ldconfig", "-r", root], check=True)


main(sys.argv[1], sys.argv[2:])
