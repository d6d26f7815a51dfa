"""The services that change DNS records, a module each."""
