# Takes away what `trunkline host prepare` made, and nothing else.
Remove-NetFirewallRule -Name $Rule -ErrorAction SilentlyContinue
$ours = @(Get-ChildItem Cert:\LocalMachine\My | Where-Object { $_.FriendlyName -eq $Label })
foreach ($listener in Get-ChildItem WSMan:\localhost\Listener | Where-Object { $_.Keys -contains 'Transport=HTTPS' }) {
  $current = (Get-Item "WSMan:\localhost\Listener\$($listener.Name)\CertificateThumbprint").Value -replace ' ', ''
  if ($ours.Thumbprint -contains $current) { Remove-Item -Path "WSMan:\localhost\Listener\$($listener.Name)" -Recurse -Force }
}
$ours | Remove-Item -Force
if (Test-Path $Guest) { Remove-ItemProperty -Path $Guest -Name 'trunkline.listener' -ErrorAction SilentlyContinue }

$user = Get-LocalUser -Name $Account -ErrorAction SilentlyContinue
if ($user -and $user.Description -eq 'Made by trunkline host prepare') {
  foreach ($namespace in $Namespaces) {
    $security = Get-CimInstance -Namespace $namespace -ClassName __SystemSecurity -ErrorAction SilentlyContinue
    if (-not $security) { continue }
    $octets = (Invoke-CimMethod -InputObject $security -MethodName GetSD).SD
    $descriptor = New-Object System.Security.AccessControl.RawSecurityDescriptor ([byte[]]$octets), 0
    for ($at = $descriptor.DiscretionaryAcl.Count - 1; $at -ge 0; $at--) {
      if ($descriptor.DiscretionaryAcl[$at].SecurityIdentifier -eq $user.SID) { $descriptor.DiscretionaryAcl.RemoveAce($at) }
    }
    $octets = New-Object byte[] $descriptor.BinaryLength
    $descriptor.GetBinaryForm($octets, 0)
    Invoke-CimMethod -InputObject $security -MethodName SetSD -Arguments @{ SD = $octets } | Out-Null
  }
  Remove-LocalUser -Name $Account
}

Write-Output 'Done. WinRM itself, LocalAccountTokenFilterPolicy and the rights on directories stay as they are: others may need them.'
