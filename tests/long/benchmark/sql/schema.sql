create schema raw;

create schema audit;

create schema reference;

create schema monthly;

-- The columns of the warehouse's own tables, so that the compiled models find what they read.
create table audit.load (
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
    withdrawn_at timestamp
);

create table audit.quarantine (
    load_id bigint not null,
    source varchar not null,
    extract_date date not null,
    file_name varchar not null,
    source_row bigint not null,
    column_name varchar,
    reason_code varchar not null,
    reason varchar not null
);
