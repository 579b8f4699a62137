"""The whole zoo as one HTML page, and its main charts as pictures.

`gathering.py` reads the records; `page.py` hands what they say to the templates, which read claims
and records themselves. `details.py` prepares histories, records and classes, `worst.py` the
pictures of worst images, `charts.py` the charts and their pictures as files, which
`chart_drawing.py` draws. `wording.py` holds names and short texts, `vega.py` the script that draws
charts in a browser, `static/` the style sheet and the page's own script.
"""
