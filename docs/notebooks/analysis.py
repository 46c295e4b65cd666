"""A notebook with public libraries only: headline measures, a chart with verdicts, and the days behind a figure.

Run it where the published folder can be read, without an installation of fcir:

    pip install duckdb pandas altair marimo
    FCIR_HOME=/srv/fcir/data marimo edit docs/notebooks/analysis.py

`python docs/notebooks/analysis.py` runs all of it once.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Analysis of the published tables")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    # The folder itself, not the link to it: all cells then read one publication, also when a new one appears.
    folder = (Path(os.environ.get("FCIR_HOME", "data")) / "published" / "current").resolve()
    return alt, duckdb, folder, mo


@app.cell
def _(duckdb, folder, mo):
    published = duckdb.connect(str(folder / "fcir.duckdb"), read_only=True)
    published.execute("use marts")
    codes = [
        code for (code,) in published.execute("select distinct force_code from report_months order by 1").fetchall()
    ]
    forces = mo.ui.dropdown(codes, value="kent" if "kent" in codes else codes[0], label="Force")
    forces
    return forces, published


@app.cell
def _(folder, forces, mo, published):
    # display_value is the figure as the board paper prints it.
    headlines = published.execute(
        """
        select
            measures.short_label as measure,
            periods.display_value as figure,
            figures.target,
            verdicts.verdict,
            verdicts.met_of_last_12,
            periods.is_provisional
        from kpi_measure_period as periods
        inner join report_months as months using (force_code, month_start)
        inner join measures using (measure)
        left join kpi_measure_monthly as figures using (force_code, measure, month_start)
        left join kpi_measure_verdict as verdicts using (force_code, measure, month_start)
        where periods.force_code = ? and months.is_default and measures.is_headline and periods.period = 'month'
        order by measures.section_order, measures.board_paper_order
        """,
        [forces.value],
    ).df()
    mo.vstack([mo.md(f"# Headline measures\n\nPublication `{folder.name}`."), mo.ui.table(headlines, selection=None)])
    return (headlines,)


@app.cell
def _(mo, published):
    names = dict(
        published.execute(
            """
            select measures.section_title || ': ' || measures.short_label, measure
            from measures
            where measure in (select measure from kpi_measure_verdict where value is not null)
            order by all
            """
        ).fetchall()
    )
    first = next((name for name, code in names.items() if code == "calls_101.pct_not_answered"), next(iter(names)))
    measures = mo.ui.dropdown(names, value=first, label="Measure")
    measures
    return (measures,)


@app.cell
def _(alt, forces, measures, mo, published):
    # Decimals are exact; a chart needs floating point.
    months = published.execute(
        """
        select
            cast(month_start as timestamp) as month, is_provisional, coalesce(verdict, 'none') as verdict,
            columns(['value', 'usual', 'lower_limit', 'upper_limit', 'target'])::double
        from kpi_measure_verdict
        where force_code = ? and measure = ?
        order by month_start
        """,
        [forces.value, measures.value],
    ).df()
    month = alt.X("month:T", title=None, axis=alt.Axis(format="%b %Y"))
    limits = alt.Chart(months).mark_line(color="#6f777b", strokeDash=[4, 2], interpolate="step-after")
    chart = alt.layer(
        *(
            limits.encode(month, alt.Y(f"{name}:Q", title=measures.selected_key))
            for name in ("lower_limit", "upper_limit")
        ),
        alt.Chart(months).mark_line(color="#6f777b", interpolate="step-after").encode(month, y="usual:Q"),
        alt.Chart(months).mark_line(color="#12436D").encode(month, y="value:Q"),
        alt.Chart(months)
        .mark_point(filled=True, opacity=1, size=60, color="#12436D")
        .encode(
            month,
            y="value:Q",
            shape=alt.Shape("verdict:N", title="Verdict"),
            tooltip=["month:T", "value:Q", "verdict:N", "is_provisional:N"],
        ),
    ).properties(width=620, height=260)
    mo.vstack([mo.md("# Chart with verdicts"), chart])
    return chart, months


@app.cell
def _(forces, mo, published):
    # The month with the greatest share of 101 calls not answered, and its days.
    worst_month, worst_figure = published.execute(
        """
        select month_start, display_value
        from kpi_measure_period
        where
            force_code = ? and measure = 'calls_101.pct_not_answered' and period = 'month'
            and not is_provisional and value is not null
        order by value desc, month_start
        limit 1
        """,
        [forces.value],
    ).fetchone()
    days = published.execute(
        """
        select date_day, received, answered, not_answered, pct_not_answered, avg_queue_seconds
        from kpi_calls_daily
        where force_code = ? and line = '101' and date_trunc('month', date_day) = ?
        order by date_day
        """,
        [forces.value, worst_month],
    ).df()
    # A ratio is computed from its sums: the mean of the daily shares is another number.
    share = 100 * days["not_answered"].sum() / (days["answered"].sum() + days["not_answered"].sum())
    mo.vstack(
        [
            mo.md(
                f"# The days behind a figure\n\nOf the 101 calls of {worst_month:%B %Y}, {worst_figure} were not "
                f"answered. From the sums of its days: {share:.2f}%."
            ),
            mo.ui.table(days, selection=None),
        ]
    )
    return days, share, worst_figure, worst_month


if __name__ == "__main__":
    app.run()
