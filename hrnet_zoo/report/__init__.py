"""What was found, for people and for programs; nothing here imports torch.

| form | where |
|---|---|
| text for terminals, and JSON | one module per subject, with `..._as_text` and `..._as_json` |
| Markdown | `tables.py`: the READMEs' tables; `comparison.py` |
| HTML and pictures | `html/` |
| CSV and Parquet | `export.py` |
| what the Hugging Face Hub and RO-Crates take | `exports/` |
| JUnit and annotations of GitHub | `comparison.py` |

`text.py` holds what they share.
"""
