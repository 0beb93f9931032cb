-- Run once, when the volume is empty: the role that owns the tables, and the application's, which does not.
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv app_password POSTGRES_APP_PASSWORD
CREATE ROLE prosaas_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE prosaas_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';
ALTER DATABASE prosaas OWNER TO prosaas_owner;
REVOKE CONNECT ON DATABASE prosaas FROM PUBLIC;
GRANT CONNECT ON DATABASE prosaas TO prosaas_app;
