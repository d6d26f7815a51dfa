from tests.engine.fix_postgres import pair, postgres

__all__ = ["pair", "postgres"]
