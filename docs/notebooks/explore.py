"""A notebook on the current publication: a measure over months, the reconciliation, and a query of your own.

`make notebook` opens it; `python docs/notebooks/explore.py` runs all of it once. It only reads. The data root is that
of `FCIR_HOME`.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="The published figures")


@app.cell
def _():
    from contextlib import ExitStack

    import marimo as mo

    from dagster_project.publication.charts import LARGE, draw
    from dagster_project.publication.files import current_publication
    from dagster_project.publication.report.histories import histories_of
    from dagster_project.publication.report.queries import default_month, paper_months, read_force
    from dagster_project.settings import Settings
    from dagster_project.warehouse.connection import reading_connection

    return (
        ExitStack,
        LARGE,
        Settings,
        current_publication,
        default_month,
        draw,
        histories_of,
        mo,
        paper_months,
        read_force,
        reading_connection,
    )


@app.cell
def _(ExitStack, Settings, current_publication, mo, reading_connection):
    # The folder itself, not the link to it: all cells then read one publication, also when a new one appears.
    folder = current_publication(Settings().published)
    # Open while the notebook has the stack; it can read this file and nothing else.
    opened = ExitStack()
    published = opened.enter_context(reading_connection(folder / "fcir.duckdb"))
    published.execute("set schema = 'marts'")
    mo.md(f"# The published figures\n\nPublication `{folder.name}`. Run this cell again to take the newest.")
    return opened, published


@app.cell
def _(Settings, mo, paper_months, published):
    codes = sorted(paper_months(published))
    default = Settings().force
    forces = mo.ui.dropdown(codes, value=default if default in codes else codes[0], label="Force")
    forces
    return (forces,)


@app.cell
def _(default_month, forces, histories_of, mo, paper_months, published, read_force):
    months = paper_months(published)[forces.value]
    # As on the pages of measures: charts end with the month shown first, tables with the newest.
    month, newest = default_month(months) or months[-1].month, months[-1].month
    histories = {
        f"{history.measure.section}: {history.measure.label}": history
        for history in histories_of(read_force(published, forces.value), month=month, until=newest)
    }
    measures = mo.ui.dropdown(
        sorted(histories),
        value=next(
            title for title, history in histories.items() if history.measure.code == "calls_101.pct_not_answered"
        ),
        label="Measure",
        searchable=True,
    )
    measures
    return histories, measures


@app.cell
def _(LARGE, draw, histories, measures, mo):
    history = histories[measures.value]
    series = [
        {"Month": f"{row.month:%Y-%m}"}
        | {title: figure.text for title, figure in zip(history.columns, row.figures, strict=True)}
        for row in history.rows
    ]
    mo.vstack(
        [
            mo.md(f"## {history.measure.label}\n\n{history.measure.definition}"),
            mo.Html(draw(history.chart, LARGE)) if history.chart else mo.md("There are too few months for a chart."),
            mo.ui.table(series, selection=None),
        ]
    )
    return (series,)


@app.cell
def _(mo):
    mo.md("## Printed figures and those of the warehouse")
    return


@app.cell
def _(mo, published):
    reconciled = mo.sql(
        f"""
        select report_id, section, verdict, count(*) as figures
        from reconciliation
        group by all
        order by all
        """,
        engine=published,
    )
    return (reconciled,)


@app.cell
def _(mo):
    mo.md("## A query of your own")
    return


@app.cell
def _(mo, published):
    answer = mo.sql(
        f"""
        -- Tables are in data_dictionary; the cookbook of the publication has examples.
        select force_code, line, month_start, received, answered, pct_not_answered
        from kpi_calls_monthly
        order by force_code, line, month_start
        """,
        engine=published,
    )
    return (answer,)


if __name__ == "__main__":
    app.run()
