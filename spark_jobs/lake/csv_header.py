"""The header line of a CSV file, of the master file and of the importance file.

Imports no pyarrow, because the sensor, a new process every 5 seconds, reads a header.
"""

import codecs
import csv
import re
from collections.abc import Collection

from spark_jobs.lake.csv_quotes import split_line

# The header must end within this many bytes, and they show the quotes of the file.
HEADER_BYTES = 65_536
# What Excel writes and reads before a header, and nothing else understands.
_EXCEL_LINE = re.compile(rb"\"?sep=.?\"?", re.IGNORECASE)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def split_header(raw: bytes) -> list[str]:
    """Return the column names of a header line, without a byte order mark and blanks around names.

    Raises:
        ValueError: undecodable, an empty name, or a duplicate; the message says which.
    """
    line = raw.removesuffix(b"\r").removeprefix(codecs.BOM_UTF8)
    if _EXCEL_LINE.fullmatch(line):
        msg = (
            f"the first line is {line.decode()!r}, a setting for Excel; delete this line, and separate fields by commas"
        )
        raise ValueError(msg)
    # In UTF-16, every second byte of ASCII text is 0.
    is_wide = len(raw) > 1 and not (raw[::2].strip(b"\0") and raw[1::2].strip(b"\0"))
    if is_wide or raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        msg = "the header is not CSV text in UTF-8 but in UTF-16; save the file as UTF-8"
        raise ValueError(msg)
    try:
        text = line.decode()
        if "\0" in text:
            raise UnicodeError("NUL byte")
        names = [name.strip() for name in split_line(text, None)]
    except (UnicodeError, csv.Error) as error:
        msg = f"the header is not CSV text in UTF-8 ({error}); is this the right file?"
        raise ValueError(msg) from error
    if not names:
        msg = "there is no header, the line is empty; add one"
        raise ValueError(msg)
    duplicates = sorted({name for name in names if name and names.count(name) > 1})
    if duplicates:
        msg = f"column {', '.join(duplicates)} occurs more than once; rename one of them"
        raise ValueError(msg)
    if "" in names:
        msg = f"column {names.index('') + 1} has no name; name it"
        raise ValueError(msg)
    return names


def verify_columns(raw: bytes, names: Collection[str], required: Collection[str]) -> None:
    """Verify that a header line, split into `names`, has all required columns.

    Raises:
        ValueError: it has not; the message says which, and the most likely cause.
    """
    missing = [name for name in required if name not in names]
    if not missing:
        return
    header = raw[:200].decode("utf-8", "replace")
    for separator, called in _SEPARATORS.items():
        parts = {part.strip("\"' \ufeff\r") for part in header.split(separator)}
        if len(parts & set(required)) > len(required) - len(missing):
            msg = f"the fields of the header {header!r} are separated by {called}; write the file with commas"
            raise ValueError(msg)
    others = {name.lower(): name for name in names if name not in required}
    renamed = [f"{others[name.lower()]} to {name}" for name in missing if name.lower() in others]
    remedy = f"rename {', '.join(renamed)}" if len(renamed) == len(missing) else "add it"
    msg = f"no column {', '.join(missing)} in the header {header!r}; {remedy}"
    raise ValueError(msg)
