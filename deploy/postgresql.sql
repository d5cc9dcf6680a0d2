-- Records in PostgreSQL with least rights: one role owns the tables and changes them when a new version needs it, another
-- one is what the service and the operators use. It can add to the audit log, and cannot change or remove what is in it.
--
-- Once, as superuser:
--     CREATE ROLE detector_owner LOGIN;
--     CREATE ROLE detector LOGIN;
--     CREATE DATABASE detector OWNER detector_owner;
--
-- At first and after each upgrade of the program, with `url = "postgresql+psycopg://host/detector"` in section [records]:
--     PGUSER=detector_owner detector records upgrade
--     psql -h host -U detector_owner -d detector -v ON_ERROR_STOP=1 -f postgresql.sql
--
-- The service runs with PGUSER=detector, and with PGPASSFILE where the server asks for a password.

BEGIN;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON DATABASE :"DBNAME" TO detector; -- containments under way have a schema of their own
GRANT USAGE ON SCHEMA public TO detector;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO detector;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO detector;
REVOKE UPDATE, DELETE ON audit FROM detector;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM detector;
COMMIT;
