"""Query writers: a situation in, the texts out that the model channel searches with.

`TemplateWriter` needs nothing, `AgentWriter` passes on what the agent wrote itself, `ModelWriter`
asks a language model and falls back to the template.
"""

from retrievers.query_writers.agent import AgentWriter
from retrievers.query_writers.base import QueryWriter, Written
from retrievers.query_writers.model import ModelWriter, ModelWriterSettings
from retrievers.query_writers.template import TemplateWriter, template_query

__all__ = [
    "AgentWriter",
    "ModelWriter",
    "ModelWriterSettings",
    "QueryWriter",
    "TemplateWriter",
    "Written",
    "template_query",
]
