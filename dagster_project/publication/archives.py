"""Office documents are ZIP files that contain the time of saving: give the same content the same bytes."""

import io
import zipfile

# The oldest time that a ZIP file can have.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def without_times(archive: bytes) -> bytes:
    """Return a ZIP file with the same parts in the same order, each compressed as before, without times."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as parts, zipfile.ZipFile(fixed, "w") as same:
        for part in parts.infolist():
            same.writestr(zipfile.ZipInfo(part.filename, _NO_TIME), parts.read(part), part.compress_type)
    return fixed.getvalue()
