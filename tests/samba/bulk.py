#!/usr/bin/python3
"""Create many users at once: bulk.py DIR COUNT [--first N] [--ou OU].

They are Bulk 00001, Bulk 00002, … with sAMAccountName bulk00001 and so on, enabled, every other one with a country.
Straight into the database of the controller in DIR, which may be running: hundreds per second, and its USNs move as
with any other write.
"""

import argparse
import sys

sys.dont_write_bytecode = True  # a test run leaves no files in the tree
from seed import BASE, open_domain, person  # noqa: E402

# One transaction for all of many thousands takes minutes, one for each account waits for the disk each time.
BATCH = 1000
COUNTRIES = ("DE", None, "FR", None, "US", None)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", metavar="DIR")
    arguments.add_argument("count", metavar="COUNT", type=int)
    arguments.add_argument("--first", type=int, default=1, help="the first number (default 1)")
    arguments.add_argument("--ou", default="OU=Staff", help=f"where, under {BASE} (default OU=Staff)")
    given = arguments.parse_args()

    domain = open_domain(given.directory)
    numbers = range(given.first, given.first + given.count)
    for start in range(0, len(numbers), BATCH):
        domain.transaction_start()
        try:
            for number in numbers[start : start + BATCH]:
                country = COUNTRIES[number % len(COUNTRIES)]
                domain.add(person(given.ou, f"Bulk {number:05}", f"bulk{number:05}", c=country))
        except BaseException:
            domain.transaction_cancel()
            raise
        domain.transaction_commit()


if __name__ == "__main__":
    main()
