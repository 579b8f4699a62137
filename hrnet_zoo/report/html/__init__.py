"""The whole zoo as one HTML page, and its main charts as pictures.

`gathering.py` and `speeds.py` read the records. Every part of the page has a module that prepares
it as plain data, and a template that only places this:

| part | module | template |
|---|---|---|
| the page itself | `page.py` | `page.html` |
| Overview | `wording.py` | `overview.html` |
| All rows | `table.py` | `table.html` |
| Charts | `charts.py`, from `chart_points.py` and `chart_drawing.py` | `charts.html` |
| Per class | `classes.py` | `classes.html` |
| Worst images | `worst.py` | `worst.html` |
| Rows in detail | `details.py` | `details.html` |
| Machines and data | `machines.py` | `machines.html` |
| Errata | `errata.py` | `errata.html` |

`static/` holds its style sheet and its script, `vega.py` the script that draws the charts, and
`figures.py` draws them as files that stand alone.
"""
