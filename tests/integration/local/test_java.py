import pytest

from local.java import java_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("bash: java: command not found", None),
        ("", None),
    ],
)
def test_the_major_version_is_parsed(text: str, version: int | None) -> None:
    assert java_version(text) == version
