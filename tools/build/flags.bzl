"""Whether the workspace sets what Tasker's targets need."""

# Nothing, for a list of labels, or an error that says what to do.
FLAGS_ARE_SET = select(
    {Label("//tools/build:flags"): []},
    no_match_error = "Tasker's targets need flags that this workspace does not set: copy Tasker's tasker.bazelrc into its .bazelrc.",
)
