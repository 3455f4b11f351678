# 4. The account: remote management, Hyper-V, network configuration, event logs, performance counters. No administrator.
Add-Account $Groups.host

# 5. It may read WMI from afar and call methods there (Enable 0x1, Execute 0x2, Remote 0x20), and no more.
$sid = (Get-LocalUser -Name $Account).SID
foreach ($namespace in $Namespaces) {
  $security = Get-CimInstance -Namespace $namespace -ClassName __SystemSecurity -ErrorAction SilentlyContinue
  if (-not $security) { continue }
  $octets = (Invoke-CimMethod -InputObject $security -MethodName GetSD).SD
  $descriptor = New-Object System.Security.AccessControl.RawSecurityDescriptor ([byte[]]$octets), 0
  if ($descriptor.DiscretionaryAcl | Where-Object { $_.SecurityIdentifier -eq $sid }) { continue }
  $entry = New-Object System.Security.AccessControl.CommonAce 'None', 'AccessAllowed', 0x23, $sid, $false, $null
  $descriptor.DiscretionaryAcl.InsertAce(0, $entry)
  $octets = New-Object byte[] $descriptor.BinaryLength
  $descriptor.GetBinaryForm($octets, 0)
  Invoke-CimMethod -InputObject $security -MethodName SetSD -Arguments @{ SD = $octets } | Out-Null
}

# 6. It may work in the directory where the VMs' disks lie.
New-Item -ItemType Directory -Path @DIRECTORY@ -Force | Out-Null
& icacls.exe @DIRECTORY@ /grant "${Account}:(OI)(CI)M" | Out-Null

$fingerprint = [System.BitConverter]::ToString([System.Security.Cryptography.SHA256]::Create().ComputeHash($certificate.RawData)) -replace '-', ''
Write-Output "Ready. In the manifest: spec.host.fingerprint: `"$fingerprint`""
