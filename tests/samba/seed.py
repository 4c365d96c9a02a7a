#!/usr/bin/python3
"""Fill a freshly provisioned domain: seed.py DIR SERVICE_PASSWORD.

What stands here before seatsync ever looks: the OUs, its own service account, and people of every kind that a
directory really holds. Needs Debian's python3-samba, hence Debian's own interpreter.
"""

import sys
import uuid

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

BASE = "DC=corp,DC=example,DC=test"
DOMAIN = "corp.example.test"

ENABLED, DISABLED, NEVER_EXPIRES = 0x200, 0x202, 0x10000
LONG_AGO, FAR_AHEAD = "132223104000000000", "157783680000000000"  # 2020-01-01 and 2101-01-01, as 100 ns since 1601
NEVER = "9223372036854775807"


def open_domain(directory):
    parameters = LoadParm()
    parameters.load(f"{directory}/etc/smb.conf")
    # batch_mode keeps no copy of the indexes per added entry (four times as fast); a failure must undo the transaction.
    return SamDB(
        url=f"{directory}/private/sam.ldb", session_info=system_session(), lp=parameters, options=["batch_mode:1"]
    )


def person(ou, cn, sam, **attributes):
    """One account as the import of a personnel system would make it: enabled, with a UPN, no password yet."""
    escaped = "".join("\\" + c if c in ',+"\\<>;=#' else c for c in cn)
    entry = {
        "dn": f"CN={escaped},{ou},{BASE}",
        "objectClass": "user",
        "sAMAccountName": sam,
        "userPrincipalName": f"{sam}@{DOMAIN}",
        "displayName": cn,
        "userAccountControl": str(ENABLED | 0x20),
    }
    entry.update(attributes)
    return {key: value for key, value in entry.items() if value is not None}


def people():
    staff, contractors, service = "OU=Staff", "OU=Contractors", "OU=Service"
    ordinary = [
        ("Ada Lovelace", "ada", "GB"),
        ("Grace Hopper", "grace", "US"),
        ("Konrad Zuse", "konrad", "DE"),
        ("Emmy Noether", "emmy", "DE"),
        ("Edsger Dijkstra", "edsger", "NL"),
        ("Marie Curie", "marie", "FR"),
        ("Radia Perlman", "radia", "US"),
        ("Tim Berners-Lee", "tim", "GB"),
    ]
    for cn, sam, country in ordinary:
        yield person(staff, cn, sam, c=country)
    # Nobody entered a country.
    for cn, sam in [("Alan Turing", "alan"), ("Barbara Liskov", "barbara"), ("Donald Knuth", "donald")]:
        yield person(staff, cn, sam)
    # Names as people have them.
    yield person(staff, "Núñez, José", "jnunez", c="ES", displayName="José Núñez")
    yield person(staff, "Łukasz Żółć", "lzolc", c="PL")
    yield person(staff, "山田 太郎", "tyamada", c="JP")
    # The anchor a sync engine wrote back, and one that a migration wrote: not the account's own GUID.
    yield person(staff, "Anchored Anna", "anna", c="AT", **{"mS-DS-ConsistencyGuid": uuid.UUID(int=0xA11CE << 64).bytes_le})
    # Bytes that happen to be readable text must still be taken as bytes.
    yield person(staff, "Textual Tess", "tess", c="AT", **{"mS-DS-ConsistencyGuid": b"ABCDEFGHIJKLMNOP"})
    # Not to be licensed, each for a reason of its own.
    yield person(staff, "Disabled Dora", "dora", c="DE", userAccountControl=str(DISABLED | 0x20))
    yield person(staff, "Disabled Dirk", "dirk", userAccountControl=str(DISABLED | 0x20))
    yield person(contractors, "Expired Egon", "egon", c="DE", accountExpires=LONG_AGO)
    yield person(staff, "Optout Olga", "olga", c="DE", adminDescription="User_NoSync")
    yield person(service, "MSOL_0123456789ab", "MSOL_0123456789ab", displayName=None)
    # To be licensed after all.
    yield person(contractors, "Future Frida", "frida", c="CH", accountExpires=FAR_AHEAD)
    yield person(contractors, "Never Nils", "nils", c="SE", accountExpires=NEVER)
    yield person(contractors, "Zero Zoe", "zoe", c="GR", accountExpires="0")
    yield person(contractors, "Nameless Ned", "ned", userPrincipalName=None, displayName=None)


def service_account(password):
    account = person(
        "OU=Service",
        "svc-seatsync",
        "svc-seatsync",
        userAccountControl=str(ENABLED | NEVER_EXPIRES),
        description="seatsync reads the directory with this account",
    )
    account["unicodePwd"] = f'"{password}"'.encode("utf-16-le")
    return account


def main():
    directory, password = sys.argv[1:]
    domain = open_domain(directory)
    domain.transaction_start()
    try:
        for ou in ("Staff", "Contractors", "Service"):
            domain.add({"dn": f"OU={ou},{BASE}", "objectClass": "organizationalUnit"})
        for entry in [service_account(password), *people()]:
            domain.add(entry)
    except BaseException:
        domain.transaction_cancel()
        raise
    domain.transaction_commit()


if __name__ == "__main__":
    main()
