//! The statements that change a sandbox. What they mean together is told in `control`.

use super::{COLUMNS, Lease, Sandbox, State, Store, StoreError, Stored, Value, row};
use sandgate::NetworkConfig;
use std::time::Duration;

impl Store {
    /// Stores a sandbox that is about to be created: before it, there was none.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn insert(
        &self,
        team: &str,
        config: &NetworkConfig,
        fingerprint: &str,
        length: Duration,
    ) -> Result<(Sandbox, Lease), StoreError> {
        let id = super::random_hex(10)?;
        let lease = Lease::new(&id, length)?;
        let gone =
            Stored { state: State::Gone, config: NetworkConfig::default(), fingerprint: String::new(), generation: 0 };
        let sql = format!(
            "INSERT INTO sandboxes ({COLUMNS}, lease, lease_until) \
             VALUES ($1, $2, 'running', $3, $4, 1, 1, $5, 0, $6, $7, {} + $8) RETURNING {COLUMNS}",
            self.now
        );
        let values = [
            id.as_str().into(),
            team.into(),
            json(&id, config)?,
            fingerprint.into(),
            json(&id, &gone)?,
            super::random_hex(32)?.as_str().into(),
            lease.holder.as_str().into(),
            lease.length.into(),
        ];
        let row = self.change(sql, values.into()).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok((Sandbox::from_row(&row)?, lease))
    }

    /// Begins a change: stores what is to be under a generation of its own, keeps what was, and
    /// takes the lease. `None` if the sandbox is not any more as it was read, or is being changed.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn begin(
        &self,
        read: &Sandbox,
        state: State,
        config: &NetworkConfig,
        fingerprint: &str,
        length: Duration,
    ) -> Result<Option<(Sandbox, Lease)>, StoreError> {
        let lease = Lease::new(&read.id, length)?;
        let sql = format!(
            "UPDATE sandboxes SET state = $1, document = $2, fingerprint = $3, generation = issued + 1, \
             issued = issued + 1, previous = $4, settled = 0, lease = $5, lease_until = {now} + $6 \
             WHERE id = $7 AND generation = $8 AND state = $9 AND previous IS NULL \
             AND (lease = '' OR lease_until <= {now}) RETURNING {COLUMNS}",
            now = self.now
        );
        let values = [
            state.as_str().into(),
            json(&read.id, config)?,
            fingerprint.into(),
            json(&read.id, &read.stored)?,
            lease.holder.as_str().into(),
            lease.length.into(),
            read.id.as_str().into(),
            signed(&read.id, read.stored.generation)?,
            read.stored.state.as_str().into(),
        ];
        let row = self.change(sql, values.into()).await?;
        row.map(|row| Ok((Sandbox::from_row(&row)?, lease))).transpose()
    }

    /// Takes a sandbox that nobody changes, as it is. `None` if somebody does, or it is no more.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn take(&self, id: &str, length: Duration) -> Result<Option<(Sandbox, Lease)>, StoreError> {
        let lease = Lease::new(id, length)?;
        let sql = format!(
            "UPDATE sandboxes SET lease = $1, lease_until = {now} + $2 \
             WHERE id = $3 AND (lease = '' OR lease_until <= {now}) RETURNING {COLUMNS}",
            now = self.now
        );
        let row = self.change(sql, vec![lease.holder.as_str().into(), lease.length.into(), id.into()]).await?;
        row.map(|row| Ok((Sandbox::from_row(&row)?, lease))).transpose()
    }

    /// Holds the lease from now on as long as at first. If this succeeds, nobody else has had it
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// The database failed, or the lease was lost.
    pub async fn renew(&self, lease: &Lease) -> Result<(), StoreError> {
        let change = format!("UPDATE sandboxes SET lease_until = {} + {}", self.now, lease.length);
        self.held(&change, lease).await
    }

    /// Ends a change: the node runs what is stored.
    ///
    /// # Errors
    ///
    /// The database failed, or the lease was lost.
    pub async fn confirm(&self, lease: Lease, state: State) -> Result<(), StoreError> {
        let change = match state {
            State::Gone => "DELETE FROM sandboxes",
            State::Running | State::Paused => "UPDATE sandboxes SET previous = NULL, settled = 1, lease = ''",
        };
        self.held(change, &lease).await
    }

    /// Ends a change that was not made: what was stored is stored again, under its generation.
    ///
    /// # Errors
    ///
    /// The database failed, or the lease was lost.
    pub async fn put_back(&self, lease: Lease, before: &Stored) -> Result<(), StoreError> {
        if before.state == State::Gone {
            return self.held("DELETE FROM sandboxes", &lease).await;
        }
        let sql = "UPDATE sandboxes SET state = $1, document = $2, fingerprint = $3, generation = $4, \
                   previous = NULL, settled = 0, lease = '' WHERE id = $5 AND lease = $6 RETURNING id";
        let values = [
            before.state.as_str().into(),
            json(&lease.id, &before.config)?,
            before.fingerprint.as_str().into(),
            signed(&lease.id, before.generation)?,
            lease.id.as_str().into(),
            lease.holder.as_str().into(),
        ];
        self.change(sql.to_owned(), values.into()).await?.map(|_| ()).ok_or(StoreError::LeaseLost(lease.id))
    }

    /// Stores something under a new generation that is also above another, and holds the lease
    /// from now on as long as at first. The generation.
    ///
    /// # Errors
    ///
    /// The database failed, or the lease was lost.
    pub async fn raise(&self, lease: &Lease, stored: &Stored, above: u64) -> Result<u64, StoreError> {
        let next = "CASE WHEN issued > $4 THEN issued + 1 ELSE $4 + 1 END";
        let sql = format!(
            "UPDATE sandboxes SET state = $1, document = $2, fingerprint = $3, generation = {next}, issued = {next}, \
             previous = NULL, settled = 0, lease_until = {} + $5 WHERE id = $6 AND lease = $7 RETURNING generation",
            self.now
        );
        let values = [
            stored.state.as_str().into(),
            json(&lease.id, &stored.config)?,
            stored.fingerprint.as_str().into(),
            signed(&lease.id, above)?,
            lease.length.into(),
            lease.id.as_str().into(),
            lease.holder.as_str().into(),
        ];
        let row = self.change(sql, values.into()).await?.ok_or_else(|| StoreError::LeaseLost(lease.id.clone()))?;
        row::number(&lease.id, &row, "generation")
    }

    /// Gives a sandbox back as it is. It is to be looked at again.
    ///
    /// # Errors
    ///
    /// The database failed, or the lease was lost.
    pub async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.held("UPDATE sandboxes SET settled = 0, lease = ''", &lease).await
    }

    async fn held(&self, change: &str, lease: &Lease) -> Result<(), StoreError> {
        let sql = format!("{change} WHERE id = $1 AND lease = $2 RETURNING id");
        let values = vec![lease.id.as_str().into(), lease.holder.as_str().into()];
        self.change(sql, values).await?.map(|_| ()).ok_or_else(|| StoreError::LeaseLost(lease.id.clone()))
    }
}

fn json(id: &str, value: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_string(value).map(Value::Text).map_err(|error| row::corrupt(id, &error))
}

fn signed(id: &str, number: u64) -> Result<Value, StoreError> {
    i64::try_from(number).map(Value::Number).map_err(|error| row::corrupt(id, &error))
}
