"""The dashboard: who is logged in, what its pages are told, and the pages themselves."""
