# 1. A certificate by which agents know this machine. Its key never leaves it. Replaced when fewer than 30 days are left.
$certificate = Get-ChildItem Cert:\LocalMachine\My |
  Where-Object { $_.FriendlyName -eq $Label -and $_.NotAfter -gt (Get-Date).AddDays(30) } |
  Sort-Object NotAfter -Descending | Select-Object -First 1
if (-not $certificate) {
  $name = [System.Net.Dns]::GetHostEntry('').HostName
  $certificate = New-SelfSignedCertificate -DnsName $name, $env:COMPUTERNAME -CertStoreLocation Cert:\LocalMachine\My `
    -FriendlyName $Label -NotAfter (Get-Date).AddYears(5) -KeyExportPolicy NonExportable
}

# 2. WinRM over HTTPS on port 5986. A listener that somebody else made is left alone.
Set-Service -Name WinRM -StartupType Automatic
Start-Service -Name WinRM
$listener = Get-ChildItem WSMan:\localhost\Listener | Where-Object { $_.Keys -contains 'Transport=HTTPS' } | Select-Object -First 1
if ($listener) {
  $path = "WSMan:\localhost\Listener\$($listener.Name)\CertificateThumbprint"
  $current = (Get-Item $path).Value -replace ' ', ''
  $ours = (Get-ChildItem Cert:\LocalMachine\My | Where-Object { $_.FriendlyName -eq $Label }).Thumbprint
  if ($ours -contains $current) {
    Set-Item -Path $path -Value $certificate.Thumbprint -Force
  } else {
    Write-Warning "There is an HTTPS listener already, with the certificate $current. It is used as it is."
    $certificate = Get-Item "Cert:\LocalMachine\My\$current"
  }
} else {
  New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address * -CertificateThumbPrint $certificate.Thumbprint -Force | Out-Null
}

# 3. The firewall lets it through, for those who are named and nobody else.
Remove-NetFirewallRule -Name $Rule -ErrorAction SilentlyContinue
New-NetFirewallRule -Name $Rule -DisplayName 'Trunkline: WinRM over HTTPS' -Direction Inbound -Protocol TCP -LocalPort 5986 `
  -Action Allow -RemoteAddress @FROM@ | Out-Null

function Add-Account([string[]] $Wanted) {
  if (-not (Get-LocalUser -Name $Account -ErrorAction SilentlyContinue)) {
    $password = Read-Host -AsSecureString "Password for the new account $Account"
    New-LocalUser -Name $Account -Password $password -Description 'Made by trunkline host prepare' -PasswordNeverExpires `
      -UserMayNotChangePassword | Out-Null
  }
  $sid = (Get-LocalUser -Name $Account).SID
  foreach ($group in $Wanted) {
    if (-not (Get-LocalGroup -SID $group -ErrorAction SilentlyContinue)) { continue }
    if (-not (Get-LocalGroupMember -SID $group | Where-Object { $_.SID -eq $sid })) {
      Add-LocalGroupMember -SID $group -Member $Account
    }
  }
}
