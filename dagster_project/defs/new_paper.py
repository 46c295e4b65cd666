"""Sends a board paper to its readers when it is new or has changed.

Without `FCIR_PAPER_NOTIFY_FILE`, nothing is sent.
"""

import dagster as dg

from dagster_project.defs.notifications import NotifyFileError, first_page, send
from dagster_project.publication.files import NotPublished, current_publication, manifest_of
from dagster_project.settings import read_settings

_PAPER = "board_paper.pdf"


@dg.sensor(
    name="new_paper",
    minimum_interval_seconds=300,
    description=(
        "Sends the board paper of the newest complete month as PDF to the addresses of FCIR_PAPER_NOTIFY_FILE, when it "
        "is new or has changed. Without these, nothing is sent."
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def new_paper(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send the current paper once, even if `fcir run` published it. The cursor is the hash of the paper sent last."""
    settings = read_settings()
    if settings.paper_notify_file is None:
        return dg.SkipReason("FCIR_PAPER_NOTIFY_FILE names no addresses")
    try:
        folder = current_publication(settings.published)
    except NotPublished as nothing:
        return dg.SkipReason(str(nothing))
    manifest = manifest_of(folder)
    digest = next((file["sha256"] for file in manifest["files"] if file["path"] == _PAPER), None)
    if digest is None:
        return dg.SkipReason(f"{folder.name} has no {_PAPER}")
    if digest == context.cursor:
        return dg.SkipReason("the paper has not changed since it was sent")
    page = first_page(settings, folder)
    try:
        sent = send(
            settings.paper_notify_file,
            title="New board paper: contact and crime performance",
            body=f"The paper is attached. The pages behind it: {page}\nPublication {folder.name}",
            attached=folder / _PAPER,
        )
    except NotifyFileError as error:
        context.log.warning(f"the paper was not sent: {error}")
        return dg.SkipReason("the paper was not sent")
    if sent.failed:
        context.log.warning(f"the paper reached {sent} of {settings.paper_notify_file}")
    if sent.reached:
        context.update_cursor(digest)
    return dg.SkipReason(f"the paper was sent to {sent}")
