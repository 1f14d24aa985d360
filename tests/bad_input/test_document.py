from tests.bad_input.document import PAGE, page


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.bad_input.document"
