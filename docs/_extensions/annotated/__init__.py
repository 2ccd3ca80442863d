"""The annotated source: a Sphinx directive that shows a file with its prose beside the code.

directive      what Sphinx sees; it makes a page
page           the page: rows of prose and code, and backward beside forward
source         a file taken apart into statements and notes
alignment      the line of forward that a line of backward undoes
prose          a docstring taken apart;     formulas   its formulas as LaTeX (`symbols`: one name)
library        where a name leads;          html       code and prose as HTML
"""
