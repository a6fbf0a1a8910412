"""Calls, one document each, and the processes that write them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("provider_call_id", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("written_at", sa.Double, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("ending", sa.Text),
        sa.Column("fault_party", sa.Text),
        sa.Column("cost_usd", sa.Double),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("document", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    )
    op.create_index("calls_by_start", "calls", ["started_at"])
    op.create_index("calls_by_ending", "calls", ["ending", "started_at"])
    op.create_table(
        "processes",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("seen_at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("processes")
    op.drop_table("calls")
