from tests.bad_input.document import PAGE, page


def test_the_reference_says_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.bad_input.document"
