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
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit (
    number integer NOT NULL,
    at double precision NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    hash text NOT NULL
);
CREATE TABLE public.counters (
    changes integer NOT NULL,
    audit_entries integer NOT NULL,
    audit_hash text NOT NULL
);
CREATE TABLE public.exemptions (
    account text NOT NULL,
    until double precision,
    actor text NOT NULL,
    reason text NOT NULL
);
CREATE TABLE public.forgiveness (
    sequence integer NOT NULL,
    account text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.incidents (
    incident_id text NOT NULL,
    account text NOT NULL,
    trusted boolean NOT NULL,
    state text NOT NULL,
    opened_at double precision NOT NULL,
    changed_at double precision NOT NULL,
    verdict text NOT NULL,
    transaction_id text NOT NULL,
    facts text NOT NULL
);
CREATE TABLE public.password_changes (
    incident_id text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.strikes (
    incident_id text NOT NULL,
    account text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.timeline (
    number integer NOT NULL,
    incident_id text NOT NULL,
    at double precision NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    detail text NOT NULL
);
CREATE SEQUENCE public.timeline_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.timeline_number_seq OWNED BY public.timeline.number;
CREATE TABLE public.verdicts (
    number integer NOT NULL,
    account text NOT NULL,
    at double precision NOT NULL,
    transaction_id text NOT NULL,
    identity_source text NOT NULL,
    client text NOT NULL,
    recipients text NOT NULL,
    size_bytes integer NOT NULL,
    verdict text NOT NULL
);
CREATE SEQUENCE public.verdicts_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.verdicts_number_seq OWNED BY public.verdicts.number;
ALTER TABLE ONLY public.timeline ALTER COLUMN number SET DEFAULT nextval('public.timeline_number_seq'::regclass);
ALTER TABLE ONLY public.verdicts ALTER COLUMN number SET DEFAULT nextval('public.verdicts_number_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.audit VALUES (1, 100, 'detector', 'open', 'aaaa1111', 'ann@example.org', '573b3ffa93d3a094eb977aad92b78a197f5f93530ef466277389d023aa5316bd');
INSERT INTO public.audit VALUES (2, 102, 'detector', 'change_password', 'aaaa1111', 'ann@example.org: passwd-file', '46bd3fc1903e8a2405e6b6ec921c50393933888071c57680b18f3688d96c2451');
INSERT INTO public.audit VALUES (3, 103, 'detector', 'steps_done', 'aaaa1111', '', 'e5f59b97dbda4cc09ed994f93066f1882babb980d89e9ae502fea1ffed28167f');
INSERT INTO public.audit VALUES (4, 200, 'olga', 'confirm', 'aaaa1111', 'customer found malware', '6cba36c6006fe4241e4ba75358bad81e95ad2121bffee88dfeb06472a6e3572f');
INSERT INTO public.audit VALUES (5, 300, 'olga', 'release', 'aaaa1111', 'cleaned', '2b5ab3e647d8be032fafb84f4626e1127f79f285fbe6f3ef75c8ae28b9aaf9fe');
INSERT INTO public.audit VALUES (6, 400, 'detector', 'open', 'bbbb2222', 'EXAMPLE\u005cbob\udcff', 'a6ac82665be734115268bff008fdf8a422be7222a744e9c3d3b1b73c154506e1');
INSERT INTO public.audit VALUES (7, 500, 'detector', 'open', 'cccc3333', 'cleo@example.org', 'f746dc30f0176bbd7ace4bd8624f48e05b8c118b8b487a8976e9cc9a35bf4d7b');
INSERT INTO public.audit VALUES (8, 600, 'olga', 'dismiss', 'cccc3333', 'newsletter', '397cbc94d6b1a0241d9521fd9e3e18619b1f5a08342ebfc6d55231e9dba2a2e0');
INSERT INTO public.audit VALUES (9, 700, 'olga', 'exempt', 'dan@example.org', 'until 2255-03-14 16:00:00 UTC: list server', '6bdcacb0ac4ad39ce0eecbedb3d688596b44ebec794e2d6a603889ccf26d2096');
INSERT INTO public.audit VALUES (10, 800, 'olga', 'look at account', 'ann@example.org', '', '838b46bd686b0b5b64ef0ddc4015e204c01f0efe42f7e00d885f58b71f7f8e85');
INSERT INTO public.counters VALUES (12, 10, '838b46bd686b0b5b64ef0ddc4015e204c01f0efe42f7e00d885f58b71f7f8e85');
INSERT INTO public.exemptions VALUES ('dan@example.org', 9000000000, 'olga', 'list server');
INSERT INTO public.forgiveness VALUES (6, 'ann@example.org', 300);
INSERT INTO public.forgiveness VALUES (9, 'cleo@example.org', 600);
INSERT INTO public.incidents VALUES ('aaaa1111', 'ann@example.org', true, 'closed', 100, 300, '{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}', 't-aaaa1111', '{"client": "192.0.2.77", "subject": "\u00dcbung"}');
INSERT INTO public.incidents VALUES ('bbbb2222', 'EXAMPLE\u005cbob\udcff', true, 'open', 400, 400, '{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}', 't-bbbb2222', '{"client": "192.0.2.77", "subject": "\u00dcbung"}');
INSERT INTO public.incidents VALUES ('cccc3333', 'cleo@example.org', true, 'closed', 500, 600, '{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}', 't-cccc3333', '{"client": "192.0.2.77", "subject": "\u00dcbung"}');
INSERT INTO public.password_changes VALUES ('aaaa1111', 101);
INSERT INTO public.strikes VALUES ('aaaa1111', 'ann@example.org', 200);
INSERT INTO public.timeline VALUES (1, 'aaaa1111', 100, 'detector', 'opened', '');
INSERT INTO public.timeline VALUES (2, 'aaaa1111', 102, 'detector', 'change_password: done', 'passwd-file');
INSERT INTO public.timeline VALUES (3, 'aaaa1111', 103, 'detector', 'steps_done', '');
INSERT INTO public.timeline VALUES (4, 'aaaa1111', 200, 'olga', 'confirm', 'customer found malware');
INSERT INTO public.timeline VALUES (5, 'aaaa1111', 300, 'olga', 'release', 'cleaned');
INSERT INTO public.timeline VALUES (6, 'bbbb2222', 400, 'detector', 'opened', '');
INSERT INTO public.timeline VALUES (7, 'cccc3333', 500, 'detector', 'opened', '');
INSERT INTO public.timeline VALUES (8, 'cccc3333', 600, 'olga', 'dismiss', 'newsletter');
INSERT INTO public.verdicts VALUES (1, 'ann@example.org', 99.5, 't-1', 'policy-service', '192.0.2.77', '{"accepted": 1, "refused": 1}', 2048, '{"action": "block", "score": 12.25, "groups": [{"group": "bulk", "nats": 12.25, "evidence": [{"group": "bulk", "signal": "recipients_per_hour", "value": 480.0, "expected": 12.5, "nats": 12.25}]}], "policy_version": "policy-1", "model_version": "model-1"}');
SELECT pg_catalog.setval('public.timeline_number_seq', 8, true);
SELECT pg_catalog.setval('public.verdicts_number_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.counters
    ADD CONSTRAINT counters_pkey PRIMARY KEY (changes);
ALTER TABLE ONLY public.exemptions
    ADD CONSTRAINT exemptions_pkey PRIMARY KEY (account);
ALTER TABLE ONLY public.forgiveness
    ADD CONSTRAINT forgiveness_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (incident_id);
ALTER TABLE ONLY public.password_changes
    ADD CONSTRAINT password_changes_pkey PRIMARY KEY (incident_id);
ALTER TABLE ONLY public.strikes
    ADD CONSTRAINT strikes_pkey PRIMARY KEY (incident_id);
ALTER TABLE ONLY public.timeline
    ADD CONSTRAINT timeline_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.verdicts
    ADD CONSTRAINT verdicts_pkey PRIMARY KEY (number);
CREATE INDEX incidents_by_time ON public.incidents USING btree (opened_at);
CREATE INDEX ix_password_changes_at ON public.password_changes USING btree (at);
CREATE INDEX ix_strikes_account ON public.strikes USING btree (account);
CREATE INDEX ix_timeline_incident_id ON public.timeline USING btree (incident_id);
CREATE INDEX ix_verdicts_at ON public.verdicts USING btree (at);
CREATE UNIQUE INDEX one_incident_per_account ON public.incidents USING btree (account) WHERE (state <> 'closed'::text);
CREATE INDEX verdicts_by_account ON public.verdicts USING btree (account, at);
ALTER TABLE ONLY public.password_changes
    ADD CONSTRAINT password_changes_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(incident_id);
ALTER TABLE ONLY public.strikes
    ADD CONSTRAINT strikes_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(incident_id);
ALTER TABLE ONLY public.timeline
    ADD CONSTRAINT timeline_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(incident_id);
