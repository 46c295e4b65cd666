create schema if not exists raw;
create schema if not exists incoming;
create schema if not exists audit;
create schema if not exists archive;
create table if not exists audit.load (
    load_id bigint not null,
    source varchar not null,
    extract_date date not null,
    file_name varchar,
    file_sha256 varchar,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    status varchar not null,
    reason varchar,
    warnings varchar,
    is_synthetic boolean not null,
    contract_version varchar,
    loaded_at timestamp not null,
    run_id varchar not null,
    change_seq bigint not null,
    error_code varchar,
    withdrawn_at timestamp,
    first_change_seq bigint,
    -- No row of this load or an earlier one holds this surrogate or a higher one (loading/people.py).
    next_surrogate bigint,
    -- How many rows of the load were purged, and when some last were.
    rows_purged bigint default 0,
    purged_at timestamp,
    -- Of a delivery that an operator accepted: the critical expectations that fail, by name, and the reason.
    accepted_despite varchar,
    accepted_because varchar,
    -- Quarantined rows that repeat the key of another row, and totals rows, which are no data rows.
    rows_repeated bigint default 0,
    totals_rows bigint default 0,
    -- Usual rows of the day, of which a delivery has far fewer or more.
    rows_expected bigint,
    -- `file_name` is the published name. The whole name, and the names of columns that were not loaded, may be about
    -- people: they stay in this file and in history/.
    delivered_name varchar,
    unknown_columns varchar
);
-- Detail of a source before this day is purged; the archive has its figures.
create table if not exists audit.purge (
    source varchar not null,
    purged_before date not null,
    purged_at timestamp not null
);
-- Of purged months, which loads each sum was counted from, for traces.
create table if not exists archive.part_load (
    source varchar not null,
    force_code varchar not null,
    part varchar not null,
    month_start date not null,
    load_id bigint not null,
    events bigint not null,
    amount decimal(38, 6) not null
);
-- Days of a source whose rows the last purge left, because they are held.
create table if not exists audit.purge_hold (
    source varchar not null,
    first_day date not null,
    last_day date not null
);
create table if not exists audit.load_column (
    load_id bigint not null,
    column_name varchar not null,
    rows_filled bigint not null,
    -- Rows are counted by force, and a value that is the default of its column is none.
    force_code varchar
);
-- Columns that had values in the deliveries before, and have none in the rows of a force.
create table if not exists audit.silent_column (
    load_id bigint not null,
    force_code varchar not null,
    column_name varchar not null
);
create table if not exists audit.load_force (
    load_id bigint not null,
    force_code varchar,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    rows_repeated bigint not null,
    -- Member of the main list of the source; null for rows that state none that can be read.
    member varchar
);
-- Rows of a load by force and by the London day of their event.
create table if not exists audit.load_event (
    load_id bigint not null,
    force_code varchar not null,
    event_date date not null,
    rows_loaded bigint not null
);
-- Days of a force (null: of all forces) that are not complete, since an accepted delivery fails a critical expectation for
-- it. An operator may accept that (`accepted_because`).
create table if not exists audit.incomplete (
    load_id bigint not null,
    force_code varchar,
    expectation varchar not null,
    first_day date not null,
    last_day date not null,
    reason varchar not null
);
-- Sums of hashes of the rows of each load (warehouse/checksums.py).
create table if not exists audit.load_checksum (
    load_id bigint not null,
    checksum varchar not null
);
create table if not exists audit.contract (
    source varchar not null,
    volume_floor decimal(9, 6) not null,
    -- Days between rows with one identifier from which on they are of different events; null: never.
    identity_days bigint
);
create table if not exists audit.waiver (
    source varchar not null,
    extract_date date not null,
    content varchar not null,
    load_id bigint not null,
    reason varchar not null,
    waived_at timestamp not null
);
create table if not exists audit.correction (
    source varchar not null,
    extract_date date not null,
    change_seq bigint not null,
    rows_before bigint not null,
    rows_after bigint not null,
    rows_added bigint not null,
    rows_removed bigint not null,
    rows_changed bigint not null,
    changed_columns varchar,
    corrected_at timestamp not null,
    run_id varchar not null
);
create table if not exists audit.quarantine (
    load_id bigint not null,
    source varchar not null,
    extract_date date not null,
    file_name varchar not null,
    source_row bigint not null,
    column_name varchar,
    reason_code varchar not null,
    reason varchar not null,
    force_code varchar,
    -- Member of the main list of the source that the row states, if it can be read.
    member varchar,
    -- Surrogates of its personal cells; null if they are not kept: of a person who was erased, or of a purged day.
    surrogates bigint[]
);
create table if not exists audit.expectation_result (
    run_id varchar not null,
    source varchar not null,
    expectation varchar not null,
    severity varchar not null,
    column_name varchar,
    dimension varchar,
    success boolean not null,
    evaluated bigint not null,
    unexpected bigint not null,
    failed_extract_dates varchar,
    reason varchar,
    validated_at timestamp not null
);
create table if not exists audit.suite_result (
    run_id varchar not null,
    source varchar not null,
    engine_version varchar not null,
    document varchar not null,
    validated_at timestamp not null
);
create table if not exists audit.landed_file (
    path varchar not null,
    size bigint not null,
    modified_ns bigint not null,
    sha256 varchar not null,
    inode_changed_ns bigint
);
-- A file of history, by its content, and the newest load when it was first seen.
create table if not exists audit.seen_history (
    sha256 varchar not null,
    after_load bigint not null
);
create table if not exists audit.build_started (
    project_fingerprint varchar not null,
    built_upon bigint
);
-- A data root with a row was built on Spark, and has tables there too (warehouse/lake.py).
create table if not exists audit.lake_owner (
    owner varchar not null
);
create table if not exists audit.build (
    run_id varchar not null,
    change_seq bigint not null,
    project_fingerprint varchar not null,
    is_published boolean not null,
    built_at timestamp not null
);
create table if not exists audit.marts_file (
    size bigint not null,
    modified_ns bigint not null
);
create table if not exists audit.publication (
    publication_no bigint not null,
    run_id varchar not null,
    published_at timestamp not null,
    change_seq bigint not null,
    project_fingerprint varchar not null,
    is_complete boolean not null
);
create table if not exists audit.figure_version (
    publication_no bigint not null,
    force_code varchar not null,
    measure varchar not null,
    month_start date not null,
    value decimal(38, 6),
    is_provisional boolean,
    is_removed boolean not null,
    deliveries varchar,
    delivery_count bigint not null
);
create table if not exists audit.public_edition (
    run_id varchar not null,
    published_at timestamp not null
);
create or replace view audit.pending_load as
select
    load_id,
    source,
    extract_date
from audit.load
where change_seq > (select coalesce(max(build.change_seq), 0) from audit.build as build);
-- Accepted loads are those that count: neither rejected, nor missing, nor replaced.
create or replace view audit.accepted_load as
select *
from audit.load
where status in ('loaded', 'empty');
create or replace view audit.incomplete_force as
select
    accepted_load.source,
    accepted_load.extract_date,
    incomplete.*
from audit.incomplete as incomplete
join audit.accepted_load as accepted_load on incomplete.load_id = accepted_load.load_id
where accepted_load.accepted_because is null;
create or replace view audit.accepted_force as
select
    accepted_load.source,
    accepted_load.extract_date,
    load_force.*
from audit.load_force as load_force
join audit.accepted_load as accepted_load on load_force.load_id = accepted_load.load_id;
-- What was done, and by whom: one row for each run, publication, acceptance, access, erasure, purge, rotation and
-- rebuild. Rows are only inserted, in the transaction of what they record.
create table if not exists audit.action (
    acted_at timestamp not null,
    action varchar not null,
    outcome varchar not null,
    user_name varchar not null,
    login varchar not null,
    host varchar not null,
    version varchar not null,
    reason varchar not null,
    details varchar not null
);
-- The last table: a warehouse without it is not set up. The vault has the same id.
create table if not exists audit.root (
    root_id varchar not null
);
