//! prosaas-crm
