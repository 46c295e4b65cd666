-- title: Why these figures can be trusted
-- lead: Each statement links to its evidence.
-- search: Why these figures can be trusted | audit evidence reconciliation data quality trust

-- view: printed
-- title: Printed figures
-- note: Each figure as printed. Where the figure that was computed here differs, it follows, with the difference. The
--   name of a measure links to its months, and a month there to its days and delivered files.
-- by: report_id
-- corner: Measure
-- words: Formula that gives the printed figure
-- nothing: No printed paper has been delivered to compare with.
-- finding: {reproduced} of {printed} printed figures reproduced exactly[; {other} by another formula][; {differing}
--   different][; {missing} for months that are not delivered][{calibrated}].
-- summary: yes
-- marts: reconciliation
-- search: Printed figures, compared | reconciliation difference formula
with figures as (
    select
        figures.*, coalesce(measures.section_title, figures.section) || ': ' || figures.label as name,
        coalesce(measures.decimals, length(rtrim(split_part(figures.difference::text, '.', 2), '0'))) as decimals,
        coalesce(measures.section_order, 99) as section_order, measures.board_paper_order,
        figures.verdict in ('match', 'match_other_formula') as is_reproduced,
        case
            when others.denominator is not null then others.numerator || ' / ' || others.denominator
            when figures.formula is null and figures.verdict = 'match'
                then coalesce(measures.numerator, measures.label)
            else coalesce(figures.formula, 'none of the formulas tried')
        end as formula_words
    from marts.reconciliation as figures
    left join marts.measures as measures on figures.section || '.' || figures.measure = measures.measure
    left join marts.measures as others on figures.section || '.' || figures.formula = others.measure
),

totals as (
    select
        count(*) as printed, count(*) filter (is_reproduced) as reproduced,
        count(*) filter (verdict = 'match_other_formula') as other, count(*) filter (verdict = 'mismatch') as differing,
        count(*) filter (verdict = 'no_data') as missing,
        (select if(bool_or(is_synthetic), '; the sample is calibrated to these figures', null) from marts.load_audit)
            as calibrated
    from figures
),

formulas as (
    select
        force_code, report_id, name, formula_words, count(*) over (partition by force_code, report_id, name) as formulas,
        min(month_start) as first_month
    from figures
    group by force_code, report_id, name, formula_words
),

measures as (
    select
        force_code, report_id, name,
        string_agg(
            formula_words || if(formulas > 1, strftime(first_month, ' (from %B %Y)'), ''), '; ' order by first_month
        ) as formula_words
    from formulas
    group by all
)

select
    figures.force_code, figures.report_id, published_on, name, totals.*, forces.force_name,
    '{force_name}' || coalesce(strftime(published_on, ', paper of %-d %B %Y'), '') as caption,
    'measures/' || any_value(figures.force_code) || '/' || min(section || '.' || figures.measure) || '.html' as link,
    bool_or(not is_reproduced) as is_marked,
    list({
        'heading': strftime(month_start, '%b %Y'), 'position': month_start, 'figure': null, 'printed': published_value,
        'ours': warehouse_value, 'difference': difference, 'format': case
            when is_reproduced then '{printed}' when verdict = 'no_data' then '{printed} (not delivered)'
            else '{printed}; ours {ours} (difference {difference:' || unit || ' ' || decimals || '})'
        end
    }) as cells,
    any_value(measures.formula_words) as "Formula that gives the printed figure"
from figures
inner join measures using (force_code, report_id, name)
cross join totals
inner join marts.dim_force as forces on figures.force_code = forces.force_code
group by all
order by
    published_on desc nulls last, force_name, figures.report_id, min(section_order), min(board_paper_order) nulls last, name

-- view: sentences
-- title: Figures in sentences of papers
-- corner: The paper gives
-- words: Paper, Reproduced, How
-- nothing: No figure in the sentences of a paper has been delivered.
-- count: found
-- finding: {match} of {rows} figures in sentences of papers reproduced[; {match_other_formula} by another formula][;
--   {trial} by a period found by trial][; {mismatch} different][; {no_data} for months that are not loaded].
-- summary: yes
-- marts: reconciliation_narrative
with figures as (
    select *, case when verdict = 'match_other_formula' and found_by = 'trial' then 'trial' else verdict end as found
    from marts.reconciliation_narrative
)

select
    figures.statement as name,
    forces.force_name || coalesce(strftime(figures.published_on, ', %-d %B %Y'), '') as "Paper",
    figures.published_value as "Printed", coalesce(figures.warehouse_value, '–') as "Ours",
    case figures.verdict
        when 'match' then 'exactly' when 'match_other_formula' then 'exactly, by another formula'
        when 'mismatch' then 'differs' else 'cannot be computed'
    end as "Reproduced",
    case
        when figures.verdict <> 'no_data' then coalesce(figures.formula, '')
        when figures.first_month is null then 'needs months that the sentence does not state'
        else 'needs months that are not loaded'
    end as "How",
    figures.verdict = 'mismatch' as is_marked, found
from figures
inner join marts.dim_force as forces on figures.force_code = forces.force_code
order by
    figures.published_on desc nulls last, forces.force_name, figures.report_id, length(figures.statement_id),
    figures.statement_id, figures.test_no

-- view: claims
-- title: Claims of papers
-- note: Sentences of board papers, tested against the figures. Supported by the months loaded so far: the claim is also
--   about others. Contradicted: no month that is still to be loaded can change this. A month with a missing day counts
--   as not loaded. Two figures that print the same are equal.
-- by: report_id
-- corner: The paper says
-- words: Verdict, What the figures say
-- nothing: No claim from a paper has been delivered to test.
-- count: claim_verdict
-- finding: {rows} claims of papers tested[; {supported} supported][; {supported_so_far} supported so far][; {contradicted}
--   contradicted][; {not_testable} not testable].
-- summary: yes
-- marts: claims
-- search: What papers claim | supported contradicted statements sentences
with claims as (
    select
        claims.force_code, claims.report_id, claims.published_on, claims.statement_id, claims.statement,
        claims.claim_verdict,
        string_agg(
            coalesce(measures.short_label, claims.measure) || ': ' || claims.evidence, ' ' order by claims.test_no
        ) as evidence
    from marts.claims as claims
    left join marts.measures as measures on claims.measure = measures.measure
    group by all
)

select
    claims.report_id, claims.statement as name, forces.force_name,
    '{force_name}' || coalesce(strftime(claims.published_on, ', paper of %-d %B %Y'), '') as caption,
    case claims.claim_verdict
        when 'supported' then 'Supported' when 'supported_so_far' then 'Supported by the months loaded so far'
        when 'contradicted' then 'Contradicted' else 'Cannot be tested'
    end as "Verdict",
    claims.evidence as "What the figures say",
    claims.claim_verdict = 'contradicted' as is_marked, claim_verdict
from claims
inner join marts.dim_force as forces on claims.force_code = forces.force_code
order by
    claims.published_on desc nulls last, forces.force_name, claims.report_id, length(claims.statement_id),
    claims.statement_id

-- view: revisions
-- title: What changed since it was published
-- note: The newest 50 changes of published figures; the page of each measure has its own.
-- corner: Published
-- words: Force, Measure, Month, Cause
-- nothing: No figure has changed since it was first published.
-- finding: {revisions} revisions of published figures, the newest on {newest:%-d %B %Y}, each with the deliveries in
--   between.
-- summary: yes
-- marts: revisions published_versions
-- search: Revisions, with their cause | changed corrected revised why did a figure change publication versions
select
    strftime(revisions.published_at, '%-d %b %Y') as name, measures.unit, measures.decimals,
    coalesce(forces.force_name, revisions.force_code) as "Force", measures.short_label as "Measure",
    revisions.month_start as "Month", revisions.previous_value as "Before|measure", revisions.value as "After|measure",
    revisions.change as "Change|measure",
    concat_ws(
        ': ',
        case revisions.cause
            when 'deliveries' then 'New or corrected deliveries' when 'definitions' then 'Changed definition'
            when 'both' then 'Changed definition, and new or corrected deliveries'
            else 'Other, for example a new version of the software'
        end,
        revisions.deliveries
    ) as "Cause",
    count(*) over () as revisions, max(revisions.published_at) over () as newest
from marts.revisions as revisions
inner join marts.measures as measures on revisions.measure = measures.measure
left join marts.dim_force as forces on revisions.force_code = forces.force_code
where not revisions.is_new
order by
    revisions.published_at desc, "Force", measures.section_order, measures.board_paper_order nulls last,
    revisions.measure, revisions.month_start
limit 50

-- view: publications
-- title: Publications
-- note: The newest 14. A figure is a measure of a force in a month.
-- corner: Published, UTC
-- nothing: Nothing has been published before.
with changes as (
    select
        run_id, count(*) filter (is_new and value is not null) as added, count(*) filter (not is_new) as revised
    from marts.revisions
    group by run_id
)

select
    strftime(versions.published_at, '%-d %b %Y, %H:%M') as name, count(versions.value) as "Figures",
    any_value(coalesce(changes.added, 0)) as "New", any_value(coalesce(changes.revised, 0)) as "Revised"
from marts.published_versions as versions
left join changes on versions.run_id = changes.run_id
group by versions.run_id, versions.published_at
order by versions.published_at desc, versions.run_id desc
limit 14

-- view: faults
-- title: What was delivered
-- corner: Source
-- words: Newest day
-- nothing: Nothing has been delivered.
-- summary: yes
-- marts: deliveries delivery_totals load_audit
-- search: What is missing, rejected or quarantined | not in the figures deliveries reasons months completeness
with named as (
    -- A source of a measure that was never delivered has no totals.
    select distinct trim(unnest(string_split(sources, ','))) as source from marts.measures
),

sources as (
    from marts.delivery_totals where source <> '*'
    union all by name
    select source from named where source not in (select source from marts.delivery_totals)
),

all_sources as (
    from marts.delivery_totals where source = '*'
)

select
    replace(sources.source, '_', ' ') as name, totals.days_due, totals.days_in_figures as loaded,
    totals.days_missing as missing, totals.days_rejected as rejected,
    coalesce(sources.days_due, 0) as "Days due", coalesce(sources.days_in_figures, 0) as "Loaded",
    coalesce(sources.days_missing, 0) as "Missing", coalesce(sources.days_rejected, 0) as "Rejected",
    coalesce(sources.days_withdrawn, 0) as "Withdrawn",
    coalesce(sources.newest_day::text, if(sources.days_due is null, 'never delivered', 'none')) as "Newest day",
    coalesce(sources.rows_loaded, 0) as "Rows loaded", coalesce(sources.rows_in_quarantine, 0) as "Quarantined rows",
    sources.days_missing + sources.days_rejected > 0 as is_marked,
    case
        when row_number() over (order by sources.source) > 1 then null
        when coalesce(totals.days_due, 0) = 0 then 'Nothing has been delivered.'
        when totals.days_in_figures = totals.days_due and totals.days_rejected = 0
            then 'All {days_due} deliveries due are loaded; none is missing or rejected.'
        else '{loaded} of {days_due} deliveries due are loaded; {missing} missing, {rejected} rejected.'
    end as finding
from sources
left join all_sources as totals on true
order by sources.source

-- view: missing
-- title: Deliveries that are missing, rejected, withdrawn or incomplete
-- note: If only the correction of a day was rejected, what was loaded before stays in the figures. Figures over an incomplete
--   day are provisional.
-- corner: Source
-- words: Delivery, First day, Last day, Why
-- nothing: No delivery is missing, rejected, withdrawn or incomplete.
select
    replace(source, '_', ' ') as name, status as "Delivery", count(*) as "Days",
    min(extract_date)::text as "First day", max(extract_date)::text as "Last day", coalesce(reason, '') as "Why"
from (
    select source, status, extract_date, reason from marts.deliveries where status in ('missing', 'rejected', 'withdrawn')
    union all
    select source, 'incomplete', extract_date, incomplete_reason from marts.deliveries where incomplete_reason is not null
) as deliveries
group by source, status, reason
order by max(extract_date) desc, source
limit 50

-- view: days
-- title: Days loaded, by month
-- note: Of the newest 24 months, and of earlier ones that lack a day.
-- nothing: Nothing has been delivered.
-- folded: yes
with days as (
    select
        date_trunc('month', extract_date)::date as month_start, replace(source, '_', ' ') as source, count(*) as due,
        count(*) filter (is_in_figures) as loaded
    from marts.deliveries
    group by all
)

select
    strftime(month_start, '%b %Y') as name, bool_or(loaded < due) as is_marked,
    list({
        'heading': source, 'position': source, 'figure': null, 'loaded': loaded, 'due': due,
        'format': if(loaded = due, '{loaded}', '{loaded} of {due}')
    }) as cells
from days
where loaded < due or month_start > (select max(month_start) from days) - interval 24 month
group by month_start
order by month_start desc

-- view: quarantine
-- title: Quarantined rows, by reason
-- note: A quarantined row was read and is not counted. Duplicate rows count once, and rows replaced by a later one in the
--   same delivery not at all; both are in the quarantine too.
-- corner: Source
-- words: Reason, Example, Newest day
-- nothing: No row was quarantined.
-- finding: {rows_quarantined} of {rows_read} rows ({share:percent 2}) are quarantined, each with its reason.
-- folded: yes
-- summary: yes
-- marts: quarantine
-- search: Quarantined rows, by reason | quarantine left out rejected invalid
with totals as (
    from marts.delivery_totals where source = '*'
)

select
    replace(quarantine.source, '_', ' ') as name, any_value(totals.rows_read) as rows_read,
    any_value(totals.rows_quarantined) as rows_quarantined, any_value(totals.share_quarantined) as share,
    replace(quarantine.reason_code, '_', ' ') as "Reason", min(quarantine.reason) as "Example", count(*) as "Rows",
    count(distinct quarantine.file_name) as "Files", max(quarantine.extract_date)::text as "Newest day"
from marts.quarantine as quarantine
cross join totals
group by quarantine.source, quarantine.reason_code
order by quarantine.source, count(*) desc, quarantine.reason_code

-- view: incomplete
-- title: Incomplete months, by force
-- note: Months with a day that is not complete for a force, and months in which more than 1% of the rows were quarantined.
--   Figures for these months are marked.
-- words: Force, Source
-- nothing: Every month is complete for every force, and no more than 1% of its rows were quarantined.
-- search: Incomplete months, by force | completeness force missing
select
    strftime(completeness.month_start, '%b %Y') as name,
    coalesce(forces.force_name, completeness.force_code) as "Force", replace(completeness.source, '_', ' ') as "Source",
    completeness.days_loaded as "Complete days", completeness.days_in_month as "Of",
    completeness.rows_quarantined as "Quarantined rows", completeness.rows_read as "Of rows"
from marts.kpi_completeness_monthly as completeness
left join marts.dim_force as forces on completeness.force_code = forces.force_code
where
    (completeness.days_owed > 0 and completeness.is_provisional)
    or completeness.is_affected_by_quarantine
order by completeness.month_start desc, completeness.force_code, completeness.source
limit 50

-- view: expectations
-- title: Expectations
-- note: What is expected of every load, its newest outcome, and those of up to 14 runs (P passed, F failed; the newest
--   last). Run by run, as Great Expectations shows them: fcir docs --data-docs.
-- corner: Expectation
-- words: If it fails, Newest outcome, Runs, Reason
-- nothing: Nothing has been validated.
-- folded: yes
-- marts: expectation_results
-- search: Expectations | checks validation great expectations
select
    replace(source, '_', ' ') || ': ' || replace(expectation, '_', ' ') as name,
    if(arg_max(severity, validated_at) = 'critical', 'rejected or incomplete', 'a warning') as "If it fails",
    if(arg_max(success, validated_at), 'passed', 'failed: ' || coalesce(arg_max(unexpected, validated_at), 0))
        as "Newest outcome",
    coalesce(arg_max(evaluated, validated_at), 0) as "Of",
    right(string_agg(if(success, 'P', 'F'), '' order by validated_at), 14) as "Runs",
    coalesce(arg_max(reason, validated_at), '') as "Reason",
    arg_max(severity, validated_at) = 'critical' and not arg_max(success, validated_at) as is_marked
from marts.expectation_results
group by source, expectation
order by arg_max(success, validated_at), source, expectation

-- view: corrections
-- title: Corrected deliveries
-- note: The newest 50.
-- corner: Delivery
-- words: Corrected, Columns that changed
-- nothing: No delivery has been corrected.
-- folded: yes
-- marts: corrections
select
    replace(source, '_', ' ') || ', ' || extract_date as name, strftime(corrected_at, '%-d %b %Y') as "Corrected",
    rows_before as "Rows before", rows_after as "Rows after", rows_added as "Added", rows_removed as "Removed",
    rows_changed as "Changed", coalesce(changed_columns, '') as "Columns that changed"
from marts.corrections
order by corrected_at desc, source, extract_date
limit 50

-- view: answered
-- title: Which calls count as answered
-- corner: Measure
-- words: Definition
-- nothing: No measure of calls is defined.
select short_label as name, definition as "Definition"
from marts.measures
where name in ('answered', 'not_answered') and section like 'calls_%'
order by section_order, section, name

-- view: definitions
-- title: Measures with more than one definition
-- by: force month
-- corner: Measure
-- words: Definition
-- search: Figures under each definition | short abandons threshold alternative formula
with pairs as (
    select measure, alternative from reference.measure_alternatives
    -- Of two measures that are alternatives to each other, the first heads the group.
    where not exists (
        select 1 from reference.measure_alternatives as others
        where others.alternative = measure_alternatives.measure
            and others.measure = measure_alternatives.alternative
            and others.measure < measure_alternatives.measure
    )
),

members as (
    select measure as head, alternative as measure, 1 as place from pairs
    union all
    select distinct measure, measure, 0 from pairs
)

select
    figures.force_code, figures.month_start, figures.is_provisional, figures.share_of_days_loaded,
    if(members.place = 0, measures.short_label, '– ' || measures.short_label) as name,
    figures.display_value as "Figure", measures.definition as "Definition"
from members
inner join marts.measures as measures on members.measure = measures.measure
inner join marts.measures as heads on members.head = heads.measure
inner join marts.kpi_measure_period as figures on members.measure = figures.measure
where figures.period = 'month' and figures.month_start >= $first_month
order by
    figures.force_code, figures.month_start, heads.section_order, heads.board_paper_order nulls last, members.head,
    members.place, measures.measure
