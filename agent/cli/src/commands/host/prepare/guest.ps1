# 4. The account. Services, firewall rules, names and certificates of a guest are an administrator's, and a local administrator
#    is one from afar only with this policy. (A domain controller has no local accounts: run this before it becomes one.)
Add-Account $Groups.guest
Set-ItemProperty -Path $Policies -Name LocalAccountTokenFilterPolicy -Value 1 -Type DWord

# 5. The host is told the thumbprint, so that the agent knows this guest through the host (image contract). In an image this script
#    belongs into SetupComplete.cmd, since each VM makes a certificate of its own when it first boots.
if (-not (Test-Path $Guest)) { New-Item -Path $Guest -Force | Out-Null }
New-ItemProperty -Path $Guest -Name 'trunkline.listener' -Value $certificate.Thumbprint -PropertyType String -Force | Out-Null

Write-Output "Ready. The listener's certificate is $($certificate.Thumbprint)."
