"""What came behind a call's stream: where its message is, how its transfer went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and find calls by the carrier's name for them."""
    op.create_table(
        "sequels",
        sa.Column("provider_call_id", sa.Text, primary_key=True),
        sa.Column("written_at", sa.Double, nullable=False),
        sa.Column("document", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    )
    op.create_index("calls_by_provider_call", "calls", ["provider_call_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("calls_by_provider_call", "calls")
    op.drop_table("sequels")
