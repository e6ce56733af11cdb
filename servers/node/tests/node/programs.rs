//! Programs of the system that fail when they are told to.

use crate::node::Node;
use sandgate_node_agent::Config;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};
use tempfile::TempDir;

/// Long enough for a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The programs `ip` and `nft`, which can be told to fail.
pub(crate) struct Programs(TempDir);

impl Programs {
    pub(crate) fn new() -> Self {
        let this = Self(tempfile::tempdir().expect("a directory"));
        for name in ["ip", "nft"] {
            // Of the calls of both, the one with number 0 fails, and if they are `dead` all that follow;
            // `after` waits behind the work, and `loaded` has what was to be loaded.
            let directory = this.0.path().display();
            let text = format!(
                "#!/bin/sh\n\
                 cd {directory}\n\
                 n=$(cat left 2>/dev/null || echo 1000000)\n\
                 echo $((n - 1)) > left\n\
                 if [ \"$n\" -eq 0 ] || [ \"$n\" -lt 0 -a -e dead ]; then echo 'told to fail' >&2; exit 1; fi\n\
                 if [ {name} = nft -a -e loaded ]; then echo NEXT >> loaded; tee -a loaded | nft \"$@\"; exit $?; fi\n\
                 if [ -e after ]; then rm after; {name} \"$@\"; exec sleep 600; fi\n\
                 if [ -e broken ]; then echo 'told to fail' >&2; exit 1; fi\n\
                 if [ -e before ]; then rm before; sleep 0.5; fi\n\
                 exec {name} \"$@\"\n"
            );
            fs::write(this.path(name), text).expect("a file");
            fs::set_permissions(this.path(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Lets so many calls succeed, and the next one fail.
    pub(crate) fn fail_after(&self, calls: u32) {
        fs::write(self.path("left"), calls.to_string()).expect("a file");
    }

    pub(crate) fn mark(&self, name: &str) {
        fs::write(self.path(name), "").expect("a file");
    }

    pub(crate) fn mend(&self) {
        fs::remove_file(self.path("broken")).expect("it is broken");
    }

    pub(crate) fn node(&self, limit: Duration) -> Node {
        Node::with(tempfile::tempdir().expect("a directory"), |config| {
            self.put_into(config);
            config.command_time = limit;
        })
    }

    pub(crate) fn put_into(&self, config: &mut Config) {
        (config.ip, config.nft) = (self.path("ip"), self.path("nft"));
    }

    /// The transactions that were loaded since `loaded` was marked.
    pub(crate) fn loaded(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("loaded")).expect("it was marked");
        text.split("NEXT\n").filter(|transaction| !transaction.is_empty()).map(Into::into).collect()
    }
}
