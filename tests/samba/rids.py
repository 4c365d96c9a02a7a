#!/usr/bin/python3
"""Issue in one copy of a domain controller what the other has issued: rids.py ISSUED COPY.

A controller put back as it was gives out the same relative ids again, and whoever replicates then has two accounts of
one SID, which Samba refuses. An administrator repairs that by hand; what is tried here is what comes after.
"""

import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def database(directory):
    parameters = LoadParm()
    parameters.load(f"{directory}/etc/smb.conf")
    return SamDB(url=f"{directory}/private/sam.ldb", session_info=system_session(), lp=parameters)


def own_rids(domain):
    """What the controller has issued; another one's number is not replicated and reads 0."""
    found = domain.search(domain.domain_dn(), expression="(objectClass=rIDSet)", attrs=["rIDNextRID"])
    return next(entry for entry in found if int(str(entry["rIDNextRID"])) > 0)


issued, copy = (database(directory) for directory in sys.argv[1:])
change = ldb.Message(own_rids(copy).dn)
change["rIDNextRID"] = ldb.MessageElement(str(own_rids(issued)["rIDNextRID"]), ldb.FLAG_MOD_REPLACE, "rIDNextRID")
copy.modify(change)
