//! The control API: sandboxes and their network policies, stored, and told to the nodes.
