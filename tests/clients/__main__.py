"""Runs every check on the installation whose state folder `TRUNKLINE_STATE_DIR` names; status 1 if one fails."""

import sys
import time
import traceback

import carrier
import media
import vendors
from installation import Installation


def main() -> int:
    installation = Installation.running()
    failed = 0
    for module in (carrier, vendors, media):
        for check in module.CHECKS:
            name = f"{module.__name__}: {check.__name__.replace('_', ' ')}"
            started = time.monotonic()
            try:
                check(installation)
            except Exception:
                failed += 1
                print(f"FAILED  {name}", flush=True)
                traceback.print_exc()
            else:
                print(f"{time.monotonic() - started:5.1f} s  {name}", flush=True)
    return 1 if failed else 0


sys.exit(main())
