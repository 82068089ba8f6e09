//! Who may do what: the one table of roles, which is also their documentation.

use std::fmt;
use std::str::FromStr;

use model::{ApiKeyId, TenantId};

/// What a user or an API key is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Owner,
    Admin,
    Supervisor,
    Operator,
    Viewer,
}

/// Something that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    ReadCalls,
    MakeCalls,
    /// To place a call whatever the hour and however often.
    OverrideRules,
    HangUpCalls,
    /// To listen to what was said.
    ReadRecordings,
    ReadAgents,
    /// Agents and prompts: what is said to people.
    ChangeAgents,
    /// Campaigns, their leads and imports, and what is to be expected of them.
    ReadCampaigns,
    /// Who is called, by whom, when.
    ChangeCampaigns,
    /// To have a campaign call, and to stop it.
    RunCampaigns,
    /// Whole lists of people, as files.
    ExportLeads,
    /// Who must not be called, and why.
    ReadSuppressions,
    AddSuppressions,
    /// To let somebody be called again who must not be.
    RemoveSuppressions,
    /// To say what picked up a call.
    LabelCalls,
    ReadNumbers,
    ChangeNumbers,
    /// To see what is wrong with the installation as a whole.
    ExamineInstallation,
    /// To compare the recordings at the carrier's account with ours, and to delete there.
    ManageCarrierRecordings,
}

/// A word that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a role")]
pub struct UnknownRole;

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    pub tenant_id: TenantId,
    pub key_id: ApiKeyId,
    pub role: Role,
}

/// Every permission with the roles that have it.
pub const TABLE: [(Permission, &[Role]); 19] = {
    use Permission as P;
    use Role::{Admin, Operator, Owner, Supervisor, Viewer};
    [
        (P::ReadCalls, &[Owner, Admin, Supervisor, Operator, Viewer]),
        (P::MakeCalls, &[Owner, Admin, Supervisor, Operator]),
        (P::OverrideRules, &[Owner, Admin]),
        (P::HangUpCalls, &[Owner, Admin, Supervisor, Operator]),
        (P::ReadRecordings, &[Owner, Admin, Supervisor]),
        (P::ReadAgents, &[Owner, Admin, Supervisor, Operator, Viewer]),
        (P::ChangeAgents, &[Owner, Admin]),
        (
            P::ReadCampaigns,
            &[Owner, Admin, Supervisor, Operator, Viewer],
        ),
        (P::ChangeCampaigns, &[Owner, Admin, Supervisor]),
        (P::RunCampaigns, &[Owner, Admin, Supervisor]),
        (P::ExportLeads, &[Owner, Admin, Supervisor]),
        (
            P::ReadSuppressions,
            &[Owner, Admin, Supervisor, Operator, Viewer],
        ),
        (P::AddSuppressions, &[Owner, Admin, Supervisor, Operator]),
        (P::RemoveSuppressions, &[Owner, Admin, Supervisor]),
        (P::LabelCalls, &[Owner, Admin, Supervisor, Operator]),
        (
            P::ReadNumbers,
            &[Owner, Admin, Supervisor, Operator, Viewer],
        ),
        (P::ChangeNumbers, &[Owner, Admin]),
        (P::ExamineInstallation, &[Owner, Admin]),
        (P::ManageCarrierRecordings, &[Owner, Admin]),
    ]
};

impl Permission {
    /// The stable code, as in the API's description.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ReadCalls => "read_calls",
            Self::MakeCalls => "make_calls",
            Self::OverrideRules => "override_rules",
            Self::HangUpCalls => "hang_up_calls",
            Self::ReadRecordings => "read_recordings",
            Self::ReadAgents => "read_agents",
            Self::ChangeAgents => "change_agents",
            Self::ReadCampaigns => "read_campaigns",
            Self::ChangeCampaigns => "change_campaigns",
            Self::RunCampaigns => "run_campaigns",
            Self::ExportLeads => "export_leads",
            Self::ReadSuppressions => "read_suppressions",
            Self::AddSuppressions => "add_suppressions",
            Self::RemoveSuppressions => "remove_suppressions",
            Self::LabelCalls => "label_calls",
            Self::ReadNumbers => "read_numbers",
            Self::ChangeNumbers => "change_numbers",
            Self::ExamineInstallation => "examine_installation",
            Self::ManageCarrierRecordings => "manage_carrier_recordings",
        }
    }
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Admin,
        Self::Supervisor,
        Self::Operator,
        Self::Viewer,
    ];

    /// Whether this role has a permission, by [`TABLE`].
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        TABLE
            .iter()
            .any(|(known, roles)| *known == permission && roles.contains(&self))
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_only_reads_and_does_not_listen() {
        let has: Vec<_> = TABLE
            .iter()
            .map(|(permission, _)| *permission)
            .filter(|permission| Role::Viewer.may(*permission))
            .collect();
        assert_eq!(
            has,
            [
                Permission::ReadCalls,
                Permission::ReadAgents,
                Permission::ReadCampaigns,
                Permission::ReadSuppressions,
                Permission::ReadNumbers
            ]
        );
    }

    #[test]
    fn an_owner_may_do_everything_and_words_come_back_as_roles() {
        for (permission, _) in TABLE {
            assert!(Role::Owner.may(permission), "{permission:?}");
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }
}
