-- What schema 0001 left behind.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);

CREATE TABLE public.business_numbers (
    tenant_id uuid NOT NULL,
    number text NOT NULL,
    imported boolean NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE public.businesses (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    language text NOT NULL,
    instructions text NOT NULL,
    greeting text NOT NULL,
    voice text NOT NULL,
    max_call_s bigint NOT NULL,
    idle_s bigint NOT NULL,
    max_live_calls bigint NOT NULL,
    record_calls boolean NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT businesses_idle_s_check CHECK ((idle_s > 0)),
    CONSTRAINT businesses_language_check CHECK ((language = ANY (ARRAY['he'::text, 'en'::text]))),
    CONSTRAINT businesses_max_call_s_check CHECK ((max_call_s > 0)),
    CONSTRAINT businesses_max_live_calls_check CHECK ((max_live_calls > 0)),
    CONSTRAINT businesses_name_check CHECK ((name <> ''::text))
);

CREATE TABLE public.calls (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    call_sid text NOT NULL,
    direction text NOT NULL,
    caller_number text,
    business_number text NOT NULL,
    started_at bigint NOT NULL,
    status text NOT NULL,
    status_rank bigint NOT NULL,
    status_sequence bigint,
    carrier_ended_at bigint,
    end_reason text,
    ended_at bigint,
    after_stream text,
    dial_number text,
    input_text bigint DEFAULT 0 NOT NULL,
    input_audio bigint DEFAULT 0 NOT NULL,
    input_image bigint DEFAULT 0 NOT NULL,
    cached_text bigint DEFAULT 0 NOT NULL,
    cached_audio bigint DEFAULT 0 NOT NULL,
    cached_image bigint DEFAULT 0 NOT NULL,
    output_text bigint DEFAULT 0 NOT NULL,
    output_audio bigint DEFAULT 0 NOT NULL,
    billed_ms bigint DEFAULT 0 NOT NULL,
    cost_micro_usd bigint DEFAULT 0 NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT calls_check CHECK (((status_rank = 4) = (carrier_ended_at IS NOT NULL))),
    CONSTRAINT calls_check1 CHECK (((end_reason IS NULL) = (ended_at IS NULL))),
    CONSTRAINT calls_check2 CHECK (((end_reason IS NULL) = (after_stream IS NULL))),
    CONSTRAINT calls_check3 CHECK (((NOT (after_stream IS DISTINCT FROM 'dial'::text)) = (dial_number IS NOT NULL))),
    CONSTRAINT calls_direction_check CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT calls_status_rank_check CHECK (((status_rank >= 0) AND (status_rank <= 4)))
);

CREATE TABLE public.jobs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    work jsonb NOT NULL,
    idempotency_key text NOT NULL,
    state text NOT NULL,
    due_at bigint NOT NULL,
    attempt bigint DEFAULT 0 NOT NULL,
    last_error text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'dead'::text])))
);

CREATE TABLE public.leads (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    call_id uuid NOT NULL,
    caller_number text,
    source text NOT NULL,
    name text,
    intent text,
    summary text,
    next_step text,
    notes text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE TABLE public.recordings (
    tenant_id uuid NOT NULL,
    recording_sid text NOT NULL,
    call_id uuid NOT NULL,
    state text NOT NULL,
    duration_ms bigint,
    path text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT recordings_check CHECK (((state = 'stored'::text) = (path IS NOT NULL))),
    CONSTRAINT recordings_state_check CHECK ((state = ANY (ARRAY['in_progress'::text, 'available'::text, 'stored'::text, 'absent'::text])))
);

CREATE TABLE public.stream_tokens (
    token_hash bytea NOT NULL,
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint,
    CONSTRAINT stream_tokens_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE public.transcript_lines (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    seq bigint NOT NULL,
    speaker text NOT NULL,
    at_ms bigint NOT NULL,
    text text NOT NULL,
    interrupted boolean NOT NULL,
    CONSTRAINT transcript_lines_seq_check CHECK ((seq >= 0)),
    CONSTRAINT transcript_lines_speaker_check CHECK ((speaker = ANY (ARRAY['caller'::text, 'agent'::text])))
);

CREATE TABLE public.transfer_targets (
    tenant_id uuid NOT NULL,
    "position" bigint NOT NULL,
    label text NOT NULL,
    number text NOT NULL,
    CONSTRAINT transfer_targets_label_check CHECK ((label <> ''::text))
);

INSERT INTO public._sqlx_migrations VALUES (1, 'calls', '2025-06-15 15:06:40+00', true, '\x1e3defabd74d3b36a8f00d52e521ad54e7579cbca7de1df92f1b33a71a51250d89bf9d3647d6a3bbd8974d17a28d5547', 1000000);

INSERT INTO public.business_numbers VALUES ('01970000-0000-7000-8000-000000000001', '+97231000001', false, 1750000000000);
INSERT INTO public.business_numbers VALUES ('01970000-0000-7000-8000-000000000002', '+97231000002', false, 1750000001000);
INSERT INTO public.business_numbers VALUES ('01970000-0000-7000-8000-000000000002', '+97231000001', true, 1750000001000);

INSERT INTO public.businesses VALUES ('01970000-0000-7000-8000-000000000001', 'Garage', 'he', 'Answer the phone.', 'Shalom', 'alloy', 600, 20, 3, true, 1750000000000);
INSERT INTO public.businesses VALUES ('01970000-0000-7000-8000-000000000002', 'Clinic', 'en', 'Answer politely.', 'Hello', 'verse', 300, 15, 2, false, 1750000001000);

INSERT INTO public.calls VALUES ('01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000011', 'CA00000000000000000000000000000011', 'inbound', '+972500000011', '+97231000001', 1750000002000, 'completed', 4, 3, 1750000062000, 'agent_ended', 1750000061000, 'hang_up', NULL, 120, 0, 0, 0, 0, 0, 0, 4000, 60000, 12345, 1750000002000, 1750000062000);
INSERT INTO public.calls VALUES ('01970000-0000-7000-8000-000000000002', '01970000-0000-7000-8000-000000000012', 'CA00000000000000000000000000000012', 'inbound', NULL, '+97231000002', 1750000003000, 'in-progress', 2, 1, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1750000003000, 1750000003000);

INSERT INTO public.jobs VALUES ('01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000041', 'summarize_call', '{"call": "call_01970000000070008000000000000011", "kind": "summarize_call"}', 'summarize_call:call_01970000000070008000000000000011', 'pending', 1750000061000, 0, NULL, 1750000061000, 1750000061000);

INSERT INTO public.leads VALUES ('01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000021', '01970000-0000-7000-8000-000000000011', '+972500000011', 'call', 'Dana', 'repair', 'The car does not start', 'call back', 'blue car', 1750000061000, 1750000061000);

INSERT INTO public.recordings VALUES ('01970000-0000-7000-8000-000000000001', 'RE00000000000000000000000000000031', '01970000-0000-7000-8000-000000000011', 'stored', 58000, 'recordings/31.wav', 1750000063000, 1750000064000);

INSERT INTO public.stream_tokens VALUES ('\x4141414141414141414141414141414141414141414141414141414141414141', '01970000-0000-7000-8000-000000000002', '01970000-0000-7000-8000-000000000012', 1750000100000, NULL);

INSERT INTO public.transcript_lines VALUES ('01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000011', 0, 'agent', 500, 'Shalom', false);
INSERT INTO public.transcript_lines VALUES ('01970000-0000-7000-8000-000000000001', '01970000-0000-7000-8000-000000000011', 1, 'caller', 2500, 'My car does not start', true);

INSERT INTO public.transfer_targets VALUES ('01970000-0000-7000-8000-000000000001', 0, 'office', '+97231000009');

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.business_numbers
    ADD CONSTRAINT business_numbers_pkey PRIMARY KEY (tenant_id, number);

ALTER TABLE ONLY public.businesses
    ADD CONSTRAINT businesses_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_call_sid_key UNIQUE (call_sid);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_tenant_id_idempotency_key_key UNIQUE (tenant_id, idempotency_key);

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_tenant_id_call_id_key UNIQUE (tenant_id, call_id);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_pkey PRIMARY KEY (tenant_id, recording_sid);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_recording_sid_key UNIQUE (recording_sid);

ALTER TABLE ONLY public.stream_tokens
    ADD CONSTRAINT stream_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.transcript_lines
    ADD CONSTRAINT transcript_lines_pkey PRIMARY KEY (tenant_id, call_id, seq);

ALTER TABLE ONLY public.transfer_targets
    ADD CONSTRAINT transfer_targets_pkey PRIMARY KEY (tenant_id, "position");

ALTER TABLE ONLY public.transfer_targets
    ADD CONSTRAINT transfer_targets_tenant_id_label_key UNIQUE (tenant_id, label);

CREATE INDEX business_numbers_by_number ON public.business_numbers USING btree (number);

CREATE UNIQUE INDEX business_numbers_one_owner ON public.business_numbers USING btree (number) WHERE (NOT imported);

CREATE INDEX calls_newest ON public.calls USING btree (tenant_id, started_at, id);

CREATE INDEX calls_without_final_status ON public.calls USING btree (started_at) WHERE (status_rank < 4);

CREATE INDEX calls_without_outcome ON public.calls USING btree (started_at) WHERE (end_reason IS NULL);

CREATE INDEX jobs_by_state ON public.jobs USING btree (state);

CREATE INDEX jobs_due ON public.jobs USING btree (due_at) WHERE (state = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE INDEX leads_newest ON public.leads USING btree (tenant_id, created_at, id);

CREATE INDEX recordings_of_call ON public.recordings USING btree (tenant_id, call_id, created_at);

CREATE INDEX stream_tokens_by_expiry ON public.stream_tokens USING btree (expires_at);

CREATE INDEX stream_tokens_of_call ON public.stream_tokens USING btree (tenant_id, call_id);

ALTER TABLE ONLY public.business_numbers
    ADD CONSTRAINT business_numbers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.businesses(tenant_id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.businesses(tenant_id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.businesses(tenant_id);

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_tenant_id_call_id_fkey FOREIGN KEY (tenant_id, call_id) REFERENCES public.calls(tenant_id, id);

ALTER TABLE ONLY public.recordings
    ADD CONSTRAINT recordings_tenant_id_call_id_fkey FOREIGN KEY (tenant_id, call_id) REFERENCES public.calls(tenant_id, id);

ALTER TABLE ONLY public.stream_tokens
    ADD CONSTRAINT stream_tokens_tenant_id_call_id_fkey FOREIGN KEY (tenant_id, call_id) REFERENCES public.calls(tenant_id, id);

ALTER TABLE ONLY public.transcript_lines
    ADD CONSTRAINT transcript_lines_tenant_id_call_id_fkey FOREIGN KEY (tenant_id, call_id) REFERENCES public.calls(tenant_id, id);

ALTER TABLE ONLY public.transfer_targets
    ADD CONSTRAINT transfer_targets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.businesses(tenant_id);
