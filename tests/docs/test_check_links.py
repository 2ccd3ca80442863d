"""The checker of links finds what is broken, and nothing else."""

from check_links import problems


def test_it_finds_each_kind_of_problem(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"></p><a href="#here">1</a><a href="b.html#there">2</a><a href="https://example.org/">3</a>'
        '<img src="data:image/png;base64,AA==">'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p><a href="a.html">1</a><a href="a.html#kernel=3">settings</a>')
    assert problems(tmp_path) == []
    (tmp_path / "b.html").write_text(
        '<a href="c.html">1</a><a href="a.html#gone">2</a><script src="https://x.org/y.js"></script>'
    )
    (tmp_path / "s.css").write_text("@font-face { src: url(//fonts.org/a.woff2) }")
    assert problems(tmp_path) == [
        "a.html: b.html#there has no such place",
        "b.html: c.html leads nowhere",
        "b.html: a.html#gone has no such place",
        "b.html: is made of https://x.org/y.js",
        "s.css: is made of //",
    ]
