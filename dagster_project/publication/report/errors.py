"""Why a paper cannot be made as asked."""


class ReportError(ValueError):
    """A paper that cannot be made; the message says what there is and what to ask for."""


class CommentaryError(ValueError):
    """A commentary that cannot be shown; the message names file, state and what to do."""
