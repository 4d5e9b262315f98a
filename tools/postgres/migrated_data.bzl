"""A PostgreSQL data directory with the engine's schema, made once and unpacked by each test."""

def _migrated_data_impl(ctx):
    archive = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.run(
        executable = ctx.executable._build_data,
        arguments = [ctx.file._postgres.path, ctx.executable.engine.path, archive.path],
        inputs = ctx.files._server,
        mnemonic = "PostgresData",
        outputs = [archive],
        progress_message = "Making the data directory %{label}",
        tools = [ctx.attr.engine[DefaultInfo].files_to_run],
    )
    return [DefaultInfo(files = depset([archive]))]

migrated_data = rule(
    implementation = _migrated_data_impl,
    doc = """An archive of a data directory, to be unpacked into an empty folder of mode 0700.

    Its superuser is `postgres`; the role `tasker` owns the database `tasker`, whose schema is the engine's; all may
    connect over TCP without a password.
    """,
    attrs = {
        # As the tests have it, not once more for the build itself.
        "engine": attr.label(cfg = "target", executable = True, mandatory = True),
        "_build_data": attr.label(cfg = "exec", default = "//tools/postgres:build_data", executable = True),
        "_postgres": attr.label(allow_single_file = True, default = "//tools/postgres:postgres"),
        "_server": attr.label(allow_files = True, default = "//tools/postgres:server"),
    },
)
