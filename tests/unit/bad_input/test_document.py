from tests.unit.bad_input.document import PAGE, page


def test_the_page_matches_the_tables() -> None:
    assert PAGE.read_text() == page(), "regenerate it: python -m tests.unit.bad_input.document"
