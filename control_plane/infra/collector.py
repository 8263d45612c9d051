"""The garbage collector of a process that runs for long."""

import gc


def settle() -> None:
    """To be called once the process is put together: the program itself, some hundred thousand
    objects, is looked through no more. A full pass over it stops everything for a tenth of a
    second, and a fan-out, which makes thousands of rows, would set one off.
    """
    gc.collect()
    gc.freeze()
