"""What was measured, in the forms that other services read; never a documented number as measured.

| form | where | described by |
|---|---|---|
| `model-index` of a Hugging Face model card | `model_index.py` | hub-docs, `modelcard.md` |
| Hugging Face's `.eval_results/*.yaml` | `eval_results.py` | hub-docs, `eval-results.md` |
| RO-Crate's `ro-crate-metadata.json` | `ro_crate.py` | RO-Crate 1.1, Process Run Crate 0.5 |

`counting.py` says which run counts of each number, and why others do not.
"""
